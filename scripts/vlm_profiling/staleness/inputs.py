"""What a record was made of beside its settings, against what a new one would be made of: code, files,
packages, image.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePath

from vlm_profiling.record.container_image import ContainerImage
from vlm_profiling.record.schema import RunRecord
from vlm_profiling.staleness.code_digest import CodeDigest
from vlm_profiling.staleness.judge import Present

SHORT = 12
"""Characters of a hash that is shown."""
SHOWN_FILES = 6
HOST = "none (the host)"


@dataclass(frozen=True)
class Change:
    """One thing that is not what it was."""

    what: str
    old: str
    new: str
    note: str = ""

    def __str__(self) -> str:
        return f"{self.what}: {self.old} -> {self.new}{f' ({self.note})' if self.note else ''}"


@dataclass(frozen=True)
class Ingredients:
    """What a new measurement would be made of, and what is still known of older ones."""

    present: Present
    image: ContainerImage
    code: CodeDigest
    code_history: Path
    """Folder with the digests of earlier measuring code, each named by its hash."""
    lock_sha256: str
    locks: Mapping[str, Mapping[str, str]]
    """Versions by package, by hash of the lock: the present one, and earlier ones as far as they are kept."""


def file_changes(record: RunRecord, now: Ingredients) -> Iterator[Change]:
    """What makes a record of the same settings stale: other code, another data set, checkpoint or image."""
    if record.code_sha256 != now.present.code_sha256:
        yield Change(
            "measuring code",
            record.code_sha256[:SHORT],
            now.present.code_sha256[:SHORT],
            _code_files(record, now),
        )
    if record.dataset is not None:
        new = now.present.datasets.get(record.dataset_name, record.dataset.content_sha256)
        if new != record.dataset.content_sha256:
            yield Change(
                f"data set {record.dataset_name}", record.dataset.content_sha256[:SHORT], new[:SHORT]
            )
    if record.checkpoint is not None and record.checkpoint.content_sha256 is not None:
        new = now.present.checkpoints.get(record.model, record.checkpoint.content_sha256)
        if new != record.checkpoint.content_sha256:
            yield Change(f"checkpoint {record.model}", record.checkpoint.content_sha256[:SHORT], new[:SHORT])
    was = record.environment.container_digest
    if was is not None and now.image.digest is not None and was != now.image.digest:
        yield Change(
            "image", f"{record.environment.container} {was}", f"{now.image.container} {now.image.digest}"
        )


def software_changes(record: RunRecord, now: Ingredients) -> Iterator[Change]:
    """Packages old -> new, and the image, of a record whose environment is another one.

    Where the old lock is not kept, only the packages that a record lists are compared.
    """
    environment = record.environment
    old_name, new_name = environment.container, now.image.container
    if (old_name is None) != (new_name is None) or (
        new_name is not None
        and PurePath(new_name).name != old_name
        and (now.image.digest is None or environment.container_digest != now.image.digest)
    ):
        yield Change("container", old_name or HOST, new_name or HOST)
    if environment.lock_sha256 is None or environment.lock_sha256 == now.lock_sha256:
        return
    new = now.locks[now.lock_sha256]
    old = now.locks.get(environment.lock_sha256)
    names = old.keys() | new.keys() if old is not None else environment.packages.keys()
    changes = [
        Change(f"package {name}", before or "nothing", after or "nothing")
        for name in sorted(names)
        if (before := (old if old is not None else environment.packages).get(name))
        != (after := new.get(name))
        and (before is None or after is None or _public(before) != _public(after))
    ]
    yield from changes
    if not changes:
        note = "" if old is not None else "of the packages that records list, none changed"
        yield Change("environment lock", environment.lock_sha256[:SHORT], now.lock_sha256[:SHORT], note)


def _code_files(record: RunRecord, now: Ingredients) -> str:
    """Which files changed, where the old digest is still known; else the commit that the record names."""
    try:
        old = json.loads((now.code_history / f"{record.code_sha256}.json").read_bytes())["files"]
    except (OSError, ValueError, KeyError, TypeError):
        commit = record.environment.git_commit
        return f"measured at commit {commit[:SHORT]}" if commit else "which files is not known"
    new = now.code["files"]
    names = sorted(name for name in old.keys() | new.keys() if old.get(name) != new.get(name))
    shown = ", ".join(f"{_sign(name, old, new)}{name}" for name in names[:SHOWN_FILES])
    return f"{shown} and {len(names) - SHOWN_FILES} more" if len(names) > SHOWN_FILES else shown


def _sign(name: str, old: Mapping[str, str], new: Mapping[str, str]) -> str:
    return "new: " if name not in old else "gone: " if name not in new else ""


def _public(version: str) -> str:
    """Without the label of a build (+cpu, +cu130), which locks leave out."""
    return version.partition("+")[0]
