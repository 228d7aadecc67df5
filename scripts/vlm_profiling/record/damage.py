"""Notes of damaged data sets: a run finds the damage, the next start of the workflow repairs it.

A note is a file next to the prepared data: to delete the manifest instead would make every finished run of
the data set stale.
"""

from __future__ import annotations

from pathlib import Path

from vlm_profiling.record.files import write_bytes

NOTES = "damaged"


def note_damage(manifest: Path) -> None:
    """Note that the data set of results/datasets/NAME/manifest.json has to be prepared again."""
    folder = manifest.parent
    write_bytes(folder.parents[1] / NOTES / folder.name, b"")


def damage_notes(results: Path) -> list[Path]:
    """The notes in a results folder; each is called as its data set."""
    return sorted(path for path in (results / NOTES).glob("[!.]*"))
