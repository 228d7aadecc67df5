"""The records that a study expects: each with its state, or the reason why it cannot be used."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Literal, NamedTuple

import msgspec

from vlm_profiling.record.files import RecordError, decode_record
from vlm_profiling.record.schema import RunRecord
from vlm_profiling.staleness.judge import Change, CurrentInputs, judge
from vlm_profiling.study import Run

State = Literal["current", "stale", "missing", "malformed", "foreign"]


class RunOutcome(NamedTuple):
    """An expected run and its record, which is there only where it counts: when the state is current or
    stale.
    """

    run: Run
    state: State
    reason: str | None
    """Why there is no record, or why it has no figures or is stale; null for a current record with figures.
    """
    record: RunRecord | None
    changes: tuple[Change, ...] = ()
    """Why a stale record is stale."""

    @property
    def status(self) -> str:
        """The record's status (ok, oom, unsupported, timeout, error), or the state where no record counts."""
        return self.record.status if self.record else self.state


def read_runs(
    folder: Path, runs: Iterable[Run], current: CurrentInputs | None = None
) -> Iterator[RunOutcome]:
    """One reading for each expected run, in order. A record that cannot be used is named, never raised.

    Args:
        folder: the folder of the records.
        runs: the runs to read the records of.
        current: what a new measurement would be made of; without it no record is called stale.
    """
    for run in runs:
        try:
            with open(f"{folder}/{run.name}.json", "rb", buffering=0) as file:  # noqa: PTH123 - 100,000 times at a large merge
                record = decode_record(file.read())
            _check_whole(record)
        except FileNotFoundError:
            yield RunOutcome(run, "missing", "no record", None)
        except (OSError, msgspec.MsgspecError, RecordError) as error:
            yield RunOutcome(run, "malformed", f"{run.name}.json is malformed: {error}", None)
        else:
            difference = _difference(run, record)
            if difference:
                yield RunOutcome(run, "foreign", difference, None)
                continue
            failure = record.failure.reason if record.failure else None
            changes = judge(record, current) if current else ()
            if changes:
                changed = f"{' and '.join(change.what for change in changes)} changed since"
                reason = f"{failure} ({changed})" if failure else changed
                yield RunOutcome(run, "stale", reason, record, changes)
            else:
                yield RunOutcome(run, "current", failure, record)


def finished_runs(folder: Path, runs: Iterable[Run]) -> Iterator[tuple[Run, RunRecord]]:
    """The runs whose records have figures, with these records."""
    for reading in read_runs(folder, runs):
        if reading.record and reading.record.status == "ok":
            yield reading.run, reading.record


def _check_whole(record: RunRecord) -> None:
    """Raise RecordError when a record lacks what its status promises."""
    promised = (
        ("checkpoint", "dataset", "headline", "quality", "batches", "samples")
        if record.status == "ok"
        else ("failure",)
    )
    absent = [name for name in promised if not getattr(record, name)]
    if absent:
        raise RecordError(f"status {record.status} without {', '.join(absent)}")
    batches = range(len(record.batches))
    for sample in record.samples:
        if sample.batch not in batches:
            raise RecordError(f"a sample of batch {sample.batch}, but there are {len(batches)} batches")


def _difference(run: Run, record: RunRecord) -> str | None:
    """What shows that a record belongs to another run than the one at its place; None where it is the run's
    own.
    """
    if record.key != run.key:
        return f"foreign record: its key is {record.key}, expected {run.key}"
    if (record.model, record.dataset_name) != (run.model, run.dataset):
        return f"foreign record: of {record.model} on {record.dataset_name}"
    if record.spec != run.spec.json:
        return "foreign record: its specification differs from the study's"
    return None
