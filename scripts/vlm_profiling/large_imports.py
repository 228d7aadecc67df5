"""Importing torch, transformers or altair, quickly."""

from __future__ import annotations

import atexit
import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def large_imports() -> Iterator[None]:
    """A block that imports large libraries, in a quarter less time.

    They make a million objects that stay until the end. The garbage collector would walk all of them again
    and again, and for seconds when the process ends.
    """
    atexit.register(gc.freeze)
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
