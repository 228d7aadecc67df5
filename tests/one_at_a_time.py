"""What a machine has once: a loopback cluster, a built image. Test processes take turns, also those of other
clones.
"""

from __future__ import annotations

import fcntl
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def one_at_a_time(what: str, folder: Path | None = None) -> Iterator[None]:
    """Wait until no other process is in such a block; a killed one counts as gone. `folder`: of the lock; the
    machine's own.
    """
    with Path(folder or tempfile.gettempdir(), f"{what}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
