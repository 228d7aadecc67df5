"""Files written whole or not at all, and records read with an error that names the file."""

from __future__ import annotations

import errno
import fcntl
import math
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec

from vlm_profiling.errors import VlmError
from vlm_profiling.record.schema import SCHEMA_VERSION, RunRecord

LEAST_ROOM_BYTES = 65_536
"""A write that failed with less room than this failed for want of room: libraries do not always say so."""


class RecordError(VlmError):
    """A file is not a record of this schema; the message names the file and what is wrong with it."""


@contextmanager
def atomic_path(target: Path) -> Iterator[Path]:
    """A temporary path in the folder of `target` that becomes `target` when the block ends without an error.

    The bytes reach the disk before the rename, so a killed process or a full disk leaves the old file or
    none. The temporary file is locked while it is written: one without a lock was left behind by a killed
    process. Raises OSError that names `target` when its folder cannot be written or the disk is full,
    whatever the writer made of it.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.", suffix=".tmp")
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(target)) from None
    os.close(handle)
    temporary = Path(name)
    try:
        with held(temporary):
            yield temporary
            with temporary.open("rb+") as written:
                os.fsync(written.fileno())
            temporary.chmod(0o666 & ~_umask())
            temporary.replace(target)
        _sync_folder(target.parent)
    except Exception as error:
        if _is_full(target.parent):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(target)) from error
        raise
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def held(temporary: Path) -> Iterator[None]:
    """Lock a temporary file or folder while the block runs, where the file system can: one without a lock is
    a leftover.
    """
    descriptor = os.open(temporary, os.O_RDONLY)
    try:
        with suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def write_bytes(target: Path, content: bytes) -> None:
    """Write a file atomically, creating its folder."""
    with atomic_path(target) as temporary:
        temporary.write_bytes(content)


def write_text(target: Path, text: str) -> None:
    """Write a UTF-8 text file atomically, creating its folder."""
    write_bytes(target, text.encode())


def write_if_changed(target: Path, content: bytes) -> bool:
    """Write a file only when its content differs, so that an unchanged file keeps its time. Returns whether
    it wrote.
    """
    if target.is_file() and target.read_bytes() == content:
        return False
    write_bytes(target, content)
    return True


def write_record(target: Path, record: RunRecord) -> None:
    """Write a record as indented JSON, atomically.

    Raises RecordError when a figure is infinite or not a number: JSON would hold null for it, which says "not
    measured".
    """
    figure = next(_not_finite(msgspec.to_builtins(record), ""), None)
    if figure is not None:
        raise RecordError(f"{target}: {figure} is no number that a record can hold")
    write_bytes(target, msgspec.json.format(_ENCODER.encode(record), indent=1) + b"\n")


def read_record(path: Path) -> RunRecord:
    """The record in a file. Raises RecordError where it is missing, malformed or of another schema."""
    try:
        record = decode_record(path.read_bytes())
    except (OSError, msgspec.MsgspecError, RecordError) as error:
        raise RecordError(f"{path}: {error}") from None
    return record


def decode_record(content: bytes) -> RunRecord:
    """The record in a JSON text. Raises msgspec.MsgspecError or RecordError."""
    record = _DECODER.decode(content)
    if record.schema_version != SCHEMA_VERSION:
        raise RecordError(f"schema version {record.schema_version}; this code reads version {SCHEMA_VERSION}")
    return record


_ENCODER = msgspec.json.Encoder()
_DECODER = msgspec.json.Decoder(RunRecord)


def _not_finite(value: object, place: str) -> Iterator[str]:
    """'headline.generate.mean_s = nan' for every figure that is infinite or not a number."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _not_finite(inner, f"{place}.{name}")
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from _not_finite(inner, f"{place}[{number}]")
    elif isinstance(value, float) and not math.isfinite(value):
        yield f"{place[1:]} = {value}"


def _is_full(folder: Path) -> bool:
    """Whether a disk has no room, asked while the file that found none is still there."""
    disk = os.statvfs(folder)
    return disk.f_bavail * disk.f_frsize < LEAST_ROOM_BYTES


def _umask() -> int:
    current = os.umask(0)
    os.umask(current)
    return current


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
