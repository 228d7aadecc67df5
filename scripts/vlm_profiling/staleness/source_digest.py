"""A user's own folders as inputs of the workflow: by content, so that a touch, a copy or a checkout makes
nothing stale.

Snakemake compares files up to 1 MB by content and larger ones by time; weights and photographs are larger.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TypeAlias

Seen: TypeAlias = dict[str, tuple[int, int, str]]
"""Size in bytes, time of the last change in ns and SHA-256 of each file, by its path in the folder."""


def digest_source(folder: Path, kept: Path) -> tuple[bytes, bytes]:
    """The hash of every file below a folder as JSON, and what was seen of each file, to be kept for the next
    call.

    Args:
        folder: the user's folder; where it is not there, the JSON is empty.
        kept: the file that keeps what was seen: only files of another size or time are read again.
    """
    before = _read_seen(kept)
    seen: Seen = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            name, facts = str(path.relative_to(folder)), path.stat()
            size, time_ns, sha256 = before.get(name, (-1, -1, ""))
            if (size, time_ns) != (facts.st_size, facts.st_mtime_ns):
                with path.open("rb") as file:
                    sha256 = hashlib.file_digest(file, "sha256").hexdigest()
            seen[name] = facts.st_size, facts.st_mtime_ns, sha256
    content = {name: sha256 for name, (_, _, sha256) in seen.items()}
    return json.dumps(content, indent=1).encode() + b"\n", json.dumps(seen).encode()


def _read_seen(kept: Path) -> Seen:
    try:
        return json.loads(kept.read_bytes())
    except (OSError, ValueError):
        return {}
