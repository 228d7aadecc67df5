"""All records of a results folder, whatever study they belong to: one side of a comparison."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, TypeAlias

import msgspec

from vlm_profiling.record.files import RecordError
from vlm_profiling.record.schema import RunRecord
from vlm_profiling.study import ConfigError, Point, Run
from vlm_profiling.study.spec import RunSpec
from vlm_profiling.tables.identity import RunKey
from vlm_profiling.tables.part_rows import FindingRow
from vlm_profiling.tables.read_records import RunOutcome, read_runs
from vlm_profiling.tables.row import RunRow, run_rows
from vlm_profiling.tables.study_tables import read_findings
from vlm_profiling.tables.write import runs_table

GridCell: TypeAlias = tuple[str, str, Point]
"""Model, data set and point: the cell, whatever else the run's key is made of."""


class Measured(NamedTuple):
    """A record and its row of the table of runs."""

    cell: RunRow
    record: RunRecord


@dataclass(frozen=True)
class Results:
    """What one folder holds."""

    name: str
    """The study's name, or the folder's where it has no description."""
    cells: Mapping[GridCell, Measured]
    notes: Sequence[str]
    """What a reader has to know about the folder: files left out, audits that are missing or older. Untrusted
    text.
    """


class _Header(msgspec.Struct):
    """The identity of a record."""

    model: str
    dataset_name: str
    point: Point
    spec: str
    started_at: str


def read_results(folder: Path) -> Results:
    """Every record below a results folder, the newest of each cell. Raises RecordError where there is none.

    Records are merged here and now, so that tables which are missing or older never matter; what audits
    failed is taken from tables/audits.parquet.
    """
    paths = sorted((folder / "runs").rglob("*.json"))
    newest, notes = _newest(paths)
    readings = [reading for reading in read_runs(folder / "runs", newest) if reading.record]
    notes += [reading.reason or "" for reading in read_runs(folder / "runs", newest) if not reading.record]
    if not readings:
        raise RecordError(
            f"{folder / 'runs'}: no record that can be read{': ' if notes else ''}{'; '.join(notes[:3])}"
        )
    measured = _measure(readings)
    notes += _mark(folder, paths, measured)
    cells = {(row.cell.model, row.cell.dataset, row.cell.point): row for row in measured}
    return Results(_name(folder), cells, notes)


def _newest(paths: Sequence[Path]) -> tuple[list[Run], list[str]]:
    """The run that each record answers, one a cell; and what was left out."""
    newest: dict[GridCell, tuple[str, Run]] = {}
    notes, older = [], 0
    for path in paths:
        try:
            header = msgspec.json.decode(path.read_bytes(), type=_Header)
            run = Run(header.model, header.dataset_name, (), RunSpec.from_json(header.spec))
        except (OSError, msgspec.MsgspecError, ConfigError) as error:
            notes.append(f"{path.name} is no record: {error}")
            continue
        cell = (header.model, header.dataset_name, header.point)
        older += cell in newest
        if cell not in newest or header.started_at > newest[cell][0]:
            newest[cell] = header.started_at, run
    if older:
        notes.append(f"{older} older records of cells that were measured again are left out")
    return [newest[cell][1] for cell in sorted(newest, key=_order)], notes


def _order(cell: GridCell) -> tuple[tuple[bool, str | int], ...]:
    """Names by the alphabet, numbers by size, what is not set first."""
    return tuple((part is not None, part or "") for part in (*cell[:2], *cell[2].values))


def _measure(readings: Sequence[RunOutcome]) -> list[Measured]:
    cells = run_rows(runs_table(readings, {}))
    return [
        Measured(cell, reading.record)
        for cell, reading in zip(cells, readings, strict=True)
        if reading.record
    ]


def _mark(folder: Path, paths: Sequence[Path], measured: Sequence[Measured]) -> Iterator[str]:
    """Flag the figures that audits failed; yields a note where the table of audits is missing or older."""
    audits = folder / "tables" / "audits.parquet"
    if not audits.is_file():
        yield "no audits: the study's table of them is missing, so no figure is marked"
        return
    if audits.stat().st_mtime < max(path.stat().st_mtime for path in paths):
        yield "the table of audits is older than some records: run the study's workflow again"
    failed: dict[RunKey, list[FindingRow]] = {}
    for finding in read_findings(folder / "tables"):
        if finding.verdict == "fail":
            failed.setdefault(finding.place, []).append(finding)
    for row in measured:
        for finding in failed.get(row.cell.place, ()):
            row.cell.flag(finding)


def _name(folder: Path) -> str:
    try:
        return msgspec.json.decode((folder / "study.json").read_bytes())["study"]["name"]
    except (OSError, msgspec.MsgspecError, KeyError, TypeError):
        return folder.resolve().name
