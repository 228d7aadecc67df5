"""The changes between records and what a study asks for now: settings, packages and files, old -> new.

Needs the records and what is kept in the results folder, not Snakemake's own metadata: works on copied
results in a fresh clone.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path, PurePath
from typing import Any

import msgspec

from vlm_profiling.record.files import RecordError, decode_record
from vlm_profiling.record.schema import RunRecord
from vlm_profiling.staleness.current import Provenance
from vlm_profiling.staleness.judge import CODE, SHORT, Change, judge
from vlm_profiling.study import Run
from vlm_profiling.tables.read_records import State, read_runs

SHOWN_FILES = 6
HOST = "none (the host)"
SECTIONS = {
    "model": "models.{0.model}",
    "dataset": "datasets.{0.dataset_name}",
    "optimization": "optimizations.{1}",
}
"""Keys of config.yaml that parts of a spec come from, by the record and its optimization's name."""


@dataclass(frozen=True)
class ExplainedRun:
    """A run of the study, its state and the causes."""

    run: Run
    state: State
    changes: tuple[Change, ...] = ()
    note: str = ""
    """Why a record cannot be read, or which one was measured before the change."""


def explain_runs(folder: Path, runs: Mapping[str, Run], provenance: Provenance) -> list[ExplainedRun]:
    """Every run of the study with its state and what changed since its record was measured.

    Args:
        folder: the folder of the records.
        runs: the study's runs by name.
        provenance: the current inputs, and what is known of earlier ones.
    """
    older: dict[tuple[object, ...], list[tuple[Path, RunRecord]]] = {}
    for path in orphans(folder, runs):
        if (record := _read(path)) is not None:
            older.setdefault(_cell_of(record), []).append((path, record))
    explained = []
    for outcome in read_runs(folder, runs.values(), provenance.current):
        run = outcome.run
        if outcome.record is not None:
            changes = tuple(_with_files(change, outcome.record, provenance) for change in outcome.changes)
            explained.append(ExplainedRun(run, outcome.state, changes))
        elif outcome.state == "missing":
            explained.append(_explain_missing(run, older.get(_cell(run), []), provenance))
        elif outcome.state == "foreign" and (record := _read(folder / f"{run.name}.json")) is not None:
            changes = tuple(all_changes(record, run, provenance))
            explained.append(ExplainedRun(run, "foreign", changes, outcome.reason or ""))
        else:
            explained.append(ExplainedRun(run, outcome.state, note=outcome.reason or ""))
    return explained


def orphans(folder: Path, runs: Mapping[str, Run]) -> list[Path]:
    """Records that no run of the study asks for, sorted."""
    return sorted(
        path
        for path in folder.rglob("*.json")
        if path.relative_to(folder).with_suffix("").as_posix() not in runs
    )


def explain_orphans(
    folder: Path, runs: Mapping[str, Run], provenance: Provenance
) -> Iterator[tuple[Path, str]]:
    """Each record that no run asks for, and why: its point left the study, or what changed since."""
    by_cell = {_cell(run): run for run in runs.values()}
    for path in orphans(folder, runs):
        record = _read(path)
        if record is None:
            yield path, "no record that can be read"
        elif (run := by_cell.get(_cell_of(record))) is None:
            yield path, "the study has no such run"
        else:
            changes = identity_changes(record, run, provenance)
            yield path, "; ".join(map(str, changes)) or "its file's name is no run's"


def all_changes(record: RunRecord, run: Run, provenance: Provenance) -> Iterator[Change]:
    """Everything that differs between a record, of whatever run, and a run of the study."""
    yield from identity_changes(record, run, provenance)
    yield from (_with_files(change, record, provenance) for change in judge(record, provenance.current))


def identity_changes(record: RunRecord, run: Run, provenance: Provenance) -> Iterator[Change]:
    """The changes that give a run another key: settings by their keys of config.yaml, and packages."""
    before, after = dict(_leaves(json.loads(record.spec))), dict(_leaves(json.loads(run.spec.json)))
    for name in sorted(before.keys() | after.keys()):
        if name != "environment" and before.get(name) != after.get(name):
            old, new = (_shown(values.get(name)) for values in (before, after))
            yield Change(_in_config(name, record, run), old, new)
    if before.get("environment") != after.get("environment"):
        yield from software_changes(record, provenance)


def software_changes(record: RunRecord, provenance: Provenance) -> Iterator[Change]:
    """The container and the packages, old -> new, of a record whose environment is another one.

    Where the old lock is not kept, only the packages that a record lists are compared.
    """
    environment, image = record.environment, provenance.current.image
    old_name, new_name = environment.container, image.container
    if (old_name is None) != (new_name is None) or (
        new_name is not None
        and PurePath(new_name).name != old_name
        and (image.digest is None or environment.container_digest != image.digest)
    ):
        yield Change("container", old_name or HOST, new_name or HOST)
    old_lock, new_lock = environment.lock_sha256, provenance.lock_sha256
    if old_lock is None or old_lock == new_lock:
        return
    new, kept = provenance.locks[new_lock], provenance.locks.get(old_lock)
    old = environment.packages if kept is None else kept
    names = old.keys() if kept is None else old.keys() | new.keys()
    changes = [
        Change(f"package {name}", old.get(name) or "nothing", new.get(name) or "nothing")
        for name in sorted(names)
        if _public(old.get(name)) != _public(new.get(name))
    ]
    yield from changes
    if not changes:
        note = "of the packages that records list, none changed" if kept is None else ""
        yield Change("environment lock", old_lock[:SHORT], new_lock[:SHORT], note)


def _explain_missing(run: Run, older: list[tuple[Path, RunRecord]], provenance: Provenance) -> ExplainedRun:
    """A missing run against the older records of its model, data set and point: the one that differs least,
    of several the newest.
    """
    if not older:
        return ExplainedRun(run, "missing", note="never measured")
    newest_first = sorted(older, key=lambda one: one[1].started_at, reverse=True)
    explained = [(tuple(all_changes(record, run, provenance)), path) for path, record in newest_first]
    changes, path = min(explained, key=lambda one: len(one[0]))
    return ExplainedRun(run, "missing", changes, f"measured before the change: {path.name}")


def _with_files(change: Change, record: RunRecord, provenance: Provenance) -> Change:
    """A change of measuring code with the files that changed, or the commit of the record."""
    if change.what != CODE:
        return change
    old = _kept_files(provenance.code_history, record.code_sha256)
    if old is None:
        commit = record.environment.git_commit
        note = f"measured at commit {commit[:SHORT]}" if commit else "which files is not known"
        return replace(change, note=note)
    new = provenance.code["files"]
    names = sorted(name for name in old.keys() | new.keys() if old.get(name) != new.get(name))
    shown = [
        f"{'' if name in old and name in new else 'new: ' if name in new else 'gone: '}{name}"
        for name in names
    ]
    more = f" and {len(names) - SHOWN_FILES} more" if len(names) > SHOWN_FILES else ""
    return replace(change, note=", ".join(shown[:SHOWN_FILES]) + more)


@cache
def _kept_files(history: Path, code_sha256: str) -> dict[str, str] | None:
    """The hashes of earlier measuring code by file; None where its digest is not kept."""
    try:
        return json.loads((history / f"{code_sha256}.json").read_bytes())["files"]
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _public(version: str | None) -> str | None:
    """A version without the label of a build (+cpu, +cu130), which locks leave out."""
    return version and version.partition("+")[0]


def _cell(run: Run) -> tuple[object, ...]:
    return run.model, run.dataset, run.point


def _cell_of(record: RunRecord) -> tuple[object, ...]:
    return record.model, record.dataset_name, record.point


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
