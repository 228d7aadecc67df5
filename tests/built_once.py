"""What takes long to make and is only read afterwards: the test processes of one run make it once and share
it.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from one_at_a_time import one_at_a_time


def built_once(factory: pytest.TempPathFactory, name: str, build: Callable[[Path], object]) -> Path:
    """A folder in which `build` made something, by this process or by one beside it; one that failed leaves
    the next to try.
    """
    base = factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    with one_at_a_time(name, shared):
        made = shared / f"{name}.made"
        if not made.exists():
            folder = factory.mktemp(name)
            build(folder)
            made.write_text(str(folder))
        return Path(made.read_text())
