"""What takes long to make and is only read afterwards: the test processes of one run make it once and share it."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable
from pathlib import Path

import pytest


def built_once(factory: pytest.TempPathFactory, name: str, build: Callable[[Path], object]) -> Path:
    """A folder in which `build` made something, by this process or by one beside it; one that failed leaves the next to try."""
    base = factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    with (shared / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        made = shared / f"{name}.made"
        if not made.exists():
            folder = factory.mktemp(name)
            build(folder)
            made.write_text(str(folder))
        return Path(made.read_text())
