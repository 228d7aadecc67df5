"""Locks that die with the process that holds them, also when it is killed."""

from __future__ import annotations

import fcntl
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import BufferedWriter
from pathlib import Path

from vlm_profiling.errors import VlmError


class LockedError(VlmError):
    """Another process holds the lock; the message names the file."""


def hold_lock(path: Path) -> BufferedWriter:
    """Take a lock until the returned file is closed or the process ends.

    Not `filelock`: where a disk has no locks, that falls back to a file that a killed process leaves behind.

    Raises:
        LockedError: another process holds the lock.
        OSError: the file cannot be written, or the disk has no locks; names the file.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    file = path.open("ab")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.fstat(file.fileno()).st_ino == path.stat().st_ino:
            return file
        raise FileNotFoundError  # removed by its holder before this process had it
    except (BlockingIOError, FileNotFoundError):
        file.close()
        raise LockedError(f"{path} is locked by another process") from None
    except OSError as error:
        file.close()
        raise OSError(error.errno, error.strerror, str(path)) from None


@contextmanager
def writer_lock(target: Path) -> Iterator[bool]:
    """One process at a time for `target`. Yields whether another one wrote it while this one waited.

    A run that a killed workflow left behind may still be measuring when the workflow starts again: the new
    job then waits for it and finds the work done.
    """
    lock = target.with_name(f".{target.name}.lock")
    before = _changed_ns(target)
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("wb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        try:
            yield _changed_ns(target) not in (None, before)
        finally:
            lock.unlink(missing_ok=True)


def wait_for_writers(folder: Path) -> None:
    """Wait for every process that holds a writer's lock below a folder, and print which record it writes."""
    for lock in list(folder.rglob(".*.json.lock")):
        with suppress(FileNotFoundError), lock.open("rb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                waiting = f"waiting for a run that an earlier workflow left at work: {lock.name[1:-5]}"
                print(waiting, file=sys.stderr, flush=True)
                fcntl.flock(file, fcntl.LOCK_EX)


def _changed_ns(path: Path) -> int | None:
    return path.stat().st_mtime_ns if path.exists() else None
