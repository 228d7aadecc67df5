"""What changed between a record and what the study asks for now: settings, packages and files, old -> new.

Needs the records and what lies in the results folder, never Snakemake's own memory: works on copied results
in a fresh clone.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from vlm_profiling.record.files import RecordError, decode_record
from vlm_profiling.record.schema import RunRecord
from vlm_profiling.staleness.inputs import Change, Ingredients, file_changes, software_changes
from vlm_profiling.study import Point, Run
from vlm_profiling.tables.read_records import State, read_runs

SECTIONS = {
    "model": "models.{0.model}",
    "dataset": "datasets.{0.dataset_name}",
    "optimization": "optimizations.{1}",
}
"""Keys of config.yaml that parts of a spec come from, by the record and its optimization's name."""


@dataclass(frozen=True)
class CellChanges:
    """A run of the study and where it stands."""

    run: Run
    state: State
    changes: tuple[Change, ...] = ()
    note: str = ""
    """What else there is to say: why a record cannot be read, or which one was measured before the change."""


def explain_cells(folder: Path, runs: Mapping[str, Run], now: Ingredients) -> list[CellChanges]:
    """Every run of the study: current; stale or foreign, and through what; missing, and what was measured
    there before.
    """
    older = _by_place(folder, runs)
    cells = []
    for reading in read_runs(folder, runs.values()):
        run = reading.run
        if reading.record is not None:
            changes = tuple(file_changes(reading.record, now))
            cells.append(CellChanges(run, "stale" if changes else "current", changes))
        elif reading.state == "missing":
            cells.append(_explain_missing(run, older, now))
        elif reading.state == "foreign" and (record := _read(folder / f"{run.name}.json")) is not None:
            cells.append(
                CellChanges(run, "foreign", tuple(all_changes(record, run, now)), reading.reason or "")
            )
        else:
            cells.append(CellChanges(run, reading.state, note=reading.reason or ""))
    return cells


def orphans(folder: Path, runs: Mapping[str, Run]) -> list[Path]:
    """Records that no cell of the study asks for, sorted."""
    return sorted(
        path
        for path in folder.rglob("*.json")
        if path.relative_to(folder).with_suffix("").as_posix() not in runs
    )


def all_changes(record: RunRecord, run: Run, now: Ingredients) -> Iterator[Change]:
    """Everything that differs between a record, of whatever cell, and a run of the study."""
    yield from identity_changes(record, run, now)
    yield from file_changes(record, now)


def identity_changes(record: RunRecord, run: Run, now: Ingredients) -> Iterator[Change]:
    """What makes a run's key another one: settings, and what it executes in."""
    yield from setting_changes(record, run)
    if json.loads(record.spec).get("environment") != json.loads(run.spec)["environment"]:
        yield from software_changes(record, now)


def setting_changes(record: RunRecord, run: Run) -> list[Change]:
    """Settings that differ, by their place in config.yaml: "protocol.max_new_tokens: 20 -> 50"."""
    before, after = dict(_leaves(json.loads(record.spec))), dict(_leaves(json.loads(run.spec)))
    return [
        Change(_in_config(name, record, run), _shown(before.get(name)), _shown(after.get(name)))
        for name in sorted(before.keys() | after.keys())
        if name != "environment" and before.get(name) != after.get(name)
    ]


def explain_orphans(folder: Path, runs: Mapping[str, Run], now: Ingredients) -> Iterator[tuple[Path, str]]:
    """Each record that no cell asks for, and why: its point left the study, or what changed since."""
    places = {_place(run): run for run in runs.values()}
    for path in orphans(folder, runs):
        record = _read(path)
        if record is None:
            yield path, "no record that can be read"
        elif (run := places.get(_place_of(record))) is None:
            yield path, "the study has no such cell"
        else:
            yield (
                path,
                "; ".join(map(str, identity_changes(record, run, now))) or "its file's name is no run's",
            )


def count_states(cells: Iterable[CellChanges]) -> dict[State, int]:
    """How many cells stand where."""
    counts: dict[State, int] = {}
    for cell in cells:
        counts[cell.state] = counts.get(cell.state, 0) + 1
    return counts


def _explain_missing(
    run: Run, older: Mapping[tuple[object, ...], list[tuple[Path, RunRecord]]], now: Ingredients
) -> CellChanges:
    """What a record of the same model, data set and point says has changed: of several the nearest, of these
    the newest.
    """
    found = sorted(older.get(_place(run), []), key=lambda one: one[1].started_at, reverse=True)
    if not found:
        return CellChanges(run, "missing", note="never measured")
    explained = [(tuple(all_changes(record, run, now)), path) for path, record in found]
    changes, path = min(explained, key=lambda one: len(one[0]))
    return CellChanges(run, "missing", changes, f"measured before the change: {path.name}")


def _by_place(
    folder: Path, runs: Mapping[str, Run]
) -> dict[tuple[object, ...], list[tuple[Path, RunRecord]]]:
    """Readable orphans by model, data set and point."""
    places: dict[tuple[object, ...], list[tuple[Path, RunRecord]]] = {}
    for path in orphans(folder, runs):
        if (record := _read(path)) is not None:
            places.setdefault(_place_of(record), []).append((path, record))
    return places


def _place(run: Run) -> tuple[object, ...]:
    return run.model, run.dataset, *run.point


def _place_of(record: RunRecord) -> tuple[object, ...]:
    return record.model, record.dataset_name, *(getattr(record.point, setting) for setting in Point._fields)


def _in_config(name: str, record: RunRecord, run: Run) -> str:
    section, dot, rest = name.partition(".")
    return SECTIONS.get(section, section).format(record, run.point.optimization) + dot + rest


def _leaves(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        for key in value:
            yield from _leaves(value[key], f"{name}.{key}" if name else key)
    else:
        yield name, value


def _shown(value: Any) -> str:
    return "nothing" if value is None else str(value)


def _read(path: Path) -> RunRecord | None:
    """The record, if it is one whose settings can be compared."""
    try:
        record = decode_record(path.read_bytes())
        return record if isinstance(json.loads(record.spec), dict) else None
    except (OSError, ValueError, msgspec.MsgspecError, RecordError):
        return None
