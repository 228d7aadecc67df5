"""What changed between a record and what the study asks for now: settings old -> new, and files that are not what they were.

Needs the records and what lies in the results folder, never Snakemake's own memory: works on copied results in a fresh clone.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import msgspec

from vlm_profiling.record.files import RecordError, decode_record
from vlm_profiling.record.images import Image
from vlm_profiling.record.schema import Record
from vlm_profiling.report.readings import read_runs
from vlm_profiling.report.staleness import Present
from vlm_profiling.study import Run
from vlm_profiling.study.digest import CodeDigest

CellState = Literal["current", "stale", "missing", "malformed", "foreign"]
SHORT = 12
"""Characters of a hash that is shown."""
NAMES = {"environment": "software (lock or image)"}
"""Parts of a spec whose value says nothing to a reader: they are hashes."""


@dataclass(frozen=True)
class Cell:
    """A run of the study and where it stands."""

    run: Run
    state: CellState
    because: tuple[str, ...]
    """What changed, each "name: old -> new", or why there is no record that counts."""


def explain_cells(folder: Path, runs: Mapping[str, Run], present: Present, image: Image, code: CodeDigest) -> list[Cell]:
    """Every run of the study: current, stale and through what, or missing and which orphan comes nearest to it."""
    left = {path: record for path in orphans(folder, runs) if (record := _read(path)) is not None}
    cells = []
    for reading in read_runs(folder, runs.values()):
        if reading.record is not None:
            because = tuple(file_changes(reading.record, present, image, folder.parent / "code", code))
            cells.append(Cell(reading.run, "stale" if because else "current", because))
        elif reading.state == "missing":
            cells.append(Cell(reading.run, "missing", tuple(_nearest(reading.run, left))))
        else:
            cells.append(Cell(reading.run, reading.state, (reading.reason or "",)))
    return cells


def orphans(folder: Path, runs: Mapping[str, Run]) -> list[Path]:
    """Records that no cell of the study asks for, sorted."""
    return sorted(path for path in folder.rglob("*.json") if str(path.relative_to(folder).with_suffix("")) not in runs)


def file_changes(record: Record, present: Present, image: Image, history: Path, code: CodeDigest) -> Iterator[str]:
    """Inputs of a record that are not what they were; `history` holds the code digests of earlier workflows."""
    if record.code_sha256 != present.code_sha256:
        yield f"measuring code: {_arrow(record.code_sha256, present.code_sha256)}{_files(record.code_sha256, history, code)}"
    if record.dataset is not None:
        new = present.datasets.get(record.dataset_name) or record.dataset.content_sha256
        if new != record.dataset.content_sha256:
            yield f"data set {record.dataset_name}: {_arrow(record.dataset.content_sha256, new)}"
    if record.checkpoint is not None:
        new = present.checkpoints.get(record.model) or record.checkpoint.content_sha256
        if new != record.checkpoint.content_sha256:
            yield f"checkpoint {record.model}: {_arrow(record.checkpoint.content_sha256, new)}"
    was = record.environment.container_digest
    if image.digest is not None and was != image.digest:
        yield f"image {image.container}: {was} -> {image.digest}"


def setting_changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """Settings of two specs that differ, by dotted name: "protocol.max_new_tokens: 20 -> 50"."""
    before, after = dict(_leaves(old)), dict(_leaves(new))
    return [
        f"{NAMES.get(name, name)}: {_shown(before.get(name))} -> {_shown(after.get(name))}"
        for name in sorted(before.keys() | after.keys())
        if before.get(name) != after.get(name)
    ]


def _nearest(run: Run, left: Mapping[Path, Record]) -> Iterator[str]:
    """How the most similar orphan of the same model and data set differs: the setting that was changed, most often."""
    wanted = json.loads(run.spec)
    same = {path: record for path, record in left.items() if (record.model, record.dataset_name) == (run.model, run.dataset)}
    differences = {path: setting_changes(json.loads(record.spec), wanted) for path, record in same.items()}
    if differences:
        path = min(differences, key=lambda path: (len(differences[path]), path))
        yield from differences[path]
        yield f"measured with the old settings: {path.name}"


def _files(sha256: str, history: Path, code: CodeDigest) -> str:
    """Which files of the measuring code changed, where the old digest is still known."""
    try:
        old = json.loads((history / "measured" / f"{sha256}.json").read_text())["files"]
    except (OSError, ValueError, KeyError):
        return ""
    new = code["files"]
    return f" ({', '.join(name for name in sorted(old.keys() | new.keys()) if old.get(name) != new.get(name))})"


def _leaves(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        for key in value:
            yield from _leaves(value[key], f"{name}.{key}" if name else key)
    else:
        yield name, value


def _shown(value: Any) -> str:
    text = "nothing" if value is None else str(value)
    return text[:SHORT] if len(text) == 64 else text


def _arrow(old: str | None, new: str | None) -> str:
    return f"{_shown(old)} -> {_shown(new)}"


def _read(path: Path) -> Record | None:
    try:
        return decode_record(path.read_bytes())
    except (OSError, msgspec.MsgspecError, RecordError):
        return None


def count_states(cells: Iterable[Cell]) -> dict[CellState, int]:
    """How many cells stand where."""
    counts: dict[CellState, int] = {}
    for cell in cells:
        counts[cell.state] = counts.get(cell.state, 0) + 1
    return counts
