"""The tables computed from finished records: the roofline of their stages, and the drift of their answers."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from itertools import groupby
from pathlib import Path

import polars as pl

from vlm_profiling.cost.functions import ModelCost
from vlm_profiling.cost.roofline.ceilings import Ceilings
from vlm_profiling.cost.roofline.roofline import StageRoofline, run_roofline
from vlm_profiling.quality.answers import answer_drift
from vlm_profiling.quality.drift import Drift
from vlm_profiling.record.schema import RunRecord
from vlm_profiling.study import Run, Study
from vlm_profiling.study.grid import reference_optimization
from vlm_profiling.tables.columns import section_columns
from vlm_profiling.tables.identity import identity_columns
from vlm_profiling.tables.table_files import write_table


def write_roofline(
    finished: Iterable[tuple[Run, RunRecord]],
    costs: Mapping[str, ModelCost],
    ceilings: Mapping[str, Ceilings],
    output: Path,
) -> int:
    """Write roofline.parquet and roofline.csv; returns the number of rows.

    Args:
        finished: runs with their records.
        costs: cost functions by model.
        ceilings: measured ceilings by device.
        output: the folder to write to.
    """
    rows = [
        (run, row)
        for run, record in finished
        for row in run_roofline(record, costs.get(run.model), ceilings.get(run.point.device))
    ]
    columns = section_columns([row for _, row in rows], StageRoofline)
    table = pl.DataFrame([*identity_columns([run for run, _ in rows]), *columns])
    write_table(table.rename({"stageroofline_absent": "absent"}), output, "roofline")
    return len(table)


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


def _group(run: Run) -> tuple[str, str]:
    return run.model, run.dataset
