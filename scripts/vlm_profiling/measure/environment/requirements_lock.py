"""What is installed against what the environment's lock says, in pip's requirements format."""

from __future__ import annotations

import re
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from vlm_profiling.errors import VlmError


class LockError(VlmError):
    """A file is not a lock; the message names the file and the line."""


def read_lock(path: Path) -> dict[str, str]:
    """Versions pinned for this interpreter and platform, by canonical package name; hashes and pip options
    are ignored.

    Raises LockError for a line that is neither `name==version` nor an option, OSError when the file cannot be
    read.
    """
    pinned: dict[str, str] = {}
    for line in _logical_lines(path.read_text(encoding="utf-8")):
        try:
            requirement = Requirement(re.split(r"\s--hash", line, maxsplit=1)[0].rstrip(" \\"))
        except InvalidRequirement as error:
            raise LockError(f"{path}: {line!r} is no requirement: {error}") from None
        if requirement.marker is not None and not requirement.marker.evaluate():
            continue
        specifiers = list(requirement.specifier)
        if len(specifiers) != 1 or specifiers[0].operator != "==" or specifiers[0].version.endswith(".*"):
            raise LockError(f"{path}: {line!r} does not pin one version; allowed: name==version")
        pinned[canonicalize_name(requirement.name)] = specifiers[0].version
    return pinned


def lock_differences(pinned: dict[str, str], unpinned: Iterable[str] = ()) -> list[str]:
    """Packages that are not as pinned, such as "torch 2.11.0, lock 2.13.0"; and those of `unpinned`, named
    canonically, that are installed without being in the lock. Local version labels (+cpu, +cu130) name a
    build of one version and are not compared.
    """
    differences = []
    for name, locked in sorted(pinned.items()):
        found = installed_version(name)
        if found is None:
            differences.append(f"{name} is missing, lock {locked}")
        elif not _same_version(found, locked):
            differences.append(f"{name} {found}, lock {locked}")
    for name in sorted(set(unpinned) - pinned.keys()):
        found = installed_version(name)
        if found is not None:
            differences.append(f"{name} {found}, not in the lock")
    return differences


def installed_version(name: str) -> str | None:
    """The version of an installed package; null when it is not installed."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _logical_lines(text: str) -> list[str]:
    """Requirement lines, continued ones joined, without comments and pip's options."""
    joined = re.sub(r"\\\r?\n", " ", text)
    bare = (re.sub(r"(^|\s)#.*", "", line).strip() for line in joined.splitlines())
    return [line for line in bare if line and not line.startswith("-")]


def _same_version(found: str, locked: str) -> bool:
    try:
        return Version(Version(found).public) == Version(Version(locked).public)
    except InvalidVersion:
        return found == locked
