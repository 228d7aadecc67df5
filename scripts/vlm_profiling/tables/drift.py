"""The table of drifts: answers of each optimization against the reference's, and the same rows read back for
the pages.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from itertools import groupby
from pathlib import Path

import msgspec
import polars as pl

from vlm_profiling.quality.answers import answer_drift
from vlm_profiling.quality.drift import Drift
from vlm_profiling.record.schema import Metric, RunRecord
from vlm_profiling.record.sections import Interval
from vlm_profiling.study import Run, Study
from vlm_profiling.study.grid import reference_optimization
from vlm_profiling.tables.columns import section_columns
from vlm_profiling.tables.identity import IdentifiedRow, RunKey, identity_columns
from vlm_profiling.tables.table_files import reading_table, write_table


class DriftRow(IdentifiedRow, frozen=True, kw_only=True):
    """One run beside the run of the reference optimization: the columns of drift.parquet."""

    reference: str
    reference_key: str
    common: int
    changed: int
    changed_share_mean: float
    changed_share_low: float
    changed_share_high: float
    words_in_common: float | None
    wer_change_mean: float | None
    wer_change_low: float | None
    wer_change_high: float | None
    exact_match_change_mean: float | None
    exact_match_change_low: float | None
    exact_match_change_high: float | None
    standard_metric: Metric | None
    standard_change_mean: float | None
    standard_change_low: float | None
    standard_change_high: float | None
    drift_absent: str | None

    def interval(self, name: str) -> Interval | None:
        """One of its intervals: changed_share, or the change of a measure; null where it has none."""
        mean, low, high = (getattr(self, f"{name}_{end}") for end in ("mean", "low", "high"))
        return None if mean is None else Interval(mean=mean, low=low, high=high)

    def absent(self, name: str) -> str:
        """Why an interval is null."""
        return msgspec.json.decode(self.drift_absent or "{}", type=dict[str, str]).get(
            name, "no reason recorded"
        )


def write_drift(
    study: Study,
    runs: Collection[Run],
    finished: Callable[[Iterable[Run]], Iterable[tuple[Run, RunRecord]]],
    output: Path,
) -> int:
    """Write drift.parquet and drift.csv to a folder; returns how many rows there are. `finished` reads runs
    that have figures.
    """
    rows = list(_drifts(reference_optimization(study), runs, finished))
    table = pl.DataFrame(
        [
            *identity_columns([run for run, _, _ in rows]),
            pl.Series("reference", [reference.point.optimization for _, reference, _ in rows], pl.String),
            pl.Series("reference_key", [reference.key for _, reference, _ in rows], pl.String),
            *section_columns([drift for _, _, drift in rows], Drift),
        ]
    )
    write_table(table, output, "drift")
    return len(rows)


def _drifts(
    wanted: str, runs: Collection[Run], finished: Callable[[Iterable[Run]], Iterable[tuple[Run, RunRecord]]]
) -> Iterator[tuple[Run, Run, Drift]]:
    """Runs that differ from a run of the reference in their optimization alone; those of one model and data
    set at a time.
    """
    for _, group in groupby(sorted(runs, key=_group), key=_group):
        places: dict[object, list[Run]] = {}
        for run in group:
            places.setdefault(run.point.replaced(optimization=wanted), []).append(run)
        compared = [run for together in places.values() if len(together) > 1 for run in together]
        records = {run.point: (run, record) for run, record in finished(compared)}
        for run, record in records.values():
            reference = records.get(run.point.replaced(optimization=wanted))
            if (
                reference
                and reference[0] is not run
                and isinstance(drift := answer_drift(record, reference[1]), Drift)
            ):
                yield run, reference[0], drift


def read_drift(tables: Path) -> dict[RunKey, DriftRow]:
    """All rows, by the run that was compared. Raises RecordError when there is no such table."""
    path = tables / "drift.parquet"
    with reading_table(path):
        table = pl.read_parquet(path, columns=list(DriftRow.__struct_fields__))
    return {row.place: row for row in msgspec.convert(table.to_dicts(), list[DriftRow])}


def _group(run: Run) -> tuple[str, str]:
    return run.model, run.dataset
