"""What hints look at, gathered from the tables."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl

from vlm_profiling.cost.roofline.roofline import StageRoofline
from vlm_profiling.metrics.estimate import Entry, Estimate
from vlm_profiling.record.absent import Absent
from vlm_profiling.report.advice.base import Alternative, Subject, is_sure
from vlm_profiling.statistics.compare import mean_change, noise_band, widened
from vlm_profiling.statistics.intervals import ratio_interval
from vlm_profiling.tables.breakdown import read_layers, read_stages
from vlm_profiling.tables.identity import RunKey
from vlm_profiling.tables.roofline import read_roofline
from vlm_profiling.tables.row import RunRow
from vlm_profiling.tables.study_tables import Cells

MIN_SCORE = 0.05
"""Mean score at the baseline from which its changes tell anything about quality."""


@dataclass(frozen=True)
class Answers:
    """A run's samples, in the order asked."""

    ids: list[str]
    seconds: list[float]
    """End-to-end time of each full batch divided by its rows."""
    batches: list[list[str]]
    """Which samples each of these batches held."""
    scores: list[float | None]
    """By the data set's own metric where it has one, else exact match; of random weights none."""
    metric: str


def read_subjects(cells: Cells, model: str, tables: Path) -> list[Subject]:
    """One subject for each data set on which a model's baseline was measured."""
    baseline = [cell for cell in cells.baseline(model) if cell.ok]
    stages, layers = read_stages(tables, baseline), read_layers(tables, baseline)
    found = []
    for cell in baseline:
        lines = {axis: list(_line_from(cells, cell, axis)) for axis in cells.study.axes}
        others = [other for line in lines.values() for other in line]
        answers = _read_answers(tables, [cell, *others]) if others else {}
        roofline = read_roofline(tables, [cell, *others])
        alternatives = [
            replace(alternative, roofline=_nearest(roofline.get(other.place, ())))
            for axis, line in lines.items()
            for other in line
            if (alternative := compare(axis, cell, other, answers[cell.place], answers[other.place]))
        ]
        rows = {row.stage: row for row in stages.get(cell.place, ())} if _times_are_sure(cell) else {}
        found.append(
            Subject(
                cell, rows, layers.get(cell.place, ()), _nearest(roofline.get(cell.place, ())), alternatives
            )
        )
    return found


def _nearest(rows: Iterable[StageRoofline]) -> dict[str, StageRoofline]:
    """Each stage against the machine's measured ceilings where it has a floor there, else against the
    datasheet.
    """
    chosen: dict[str, StageRoofline] = {}
    for row in rows:
        if row.floor_s is not None and (row.ceiling == "measured" or row.stage not in chosen):
            chosen[row.stage] = row
    return chosen


def compare(axis: str, cell: RunRow, other: RunRow, before: Answers, after: Answers) -> Alternative | None:
    """Another value of an axis beside the baseline; None where an audit failed the times or the answers of
    either.
    """
    if any(not is_sure(run.estimate("end_to_end_s")) or run.flags.get("quality") for run in (cell, other)):
        return None
    interval = ratio_interval(before.seconds, after.seconds, paired=before.batches == after.batches)
    ratio = (sum(before.seconds) / len(before.seconds)) / (sum(after.seconds) / len(after.seconds))
    bounds = None
    if interval and cell.repeats_drift is not None and other.repeats_drift is not None:
        bounds = widened(interval, noise_band(cell.repeats_drift, other.repeats_drift))
    elif interval:
        bounds = interval.bounds
    speedup = Estimate(ratio, bounds, min(len(before.seconds), len(after.seconds)))
    return Alternative(axis, other, speedup, _quality_change(cell, other, before, after), after.metric)


def _quality_change(cell: RunRow, other: RunRow, before: Answers, after: Answers) -> Entry:
    """The score of one run minus another's, sample by sample, or why that says nothing about quality."""
    for entry in (cell.estimate("exact_match"), other.estimate("exact_match")):
        if isinstance(entry, Absent):
            return entry
    earlier = {
        name: score for name, score in zip(before.ids, before.scores, strict=True) if score is not None
    }
    pairs = [
        (earlier[name], score)
        for name, score in zip(after.ids, after.scores, strict=True)
        if score is not None and name in earlier
    ]
    if len(pairs) < 2:
        return Absent("fewer than two samples in common")
    mean = sum(old for old, _ in pairs) / len(pairs)
    if mean < MIN_SCORE:
        return Absent(f"{before.metric} is {100 * mean:.1f} at the baseline, too low to tell a change")
    change = mean_change([new - old for old, new in pairs])
    assert change is not None
    return Estimate(change.mean, change.bounds, len(pairs))


def _times_are_sure(cell: RunRow) -> bool:
    return is_sure(cell.estimate("end_to_end_s")) and not cell.flags.get("stages")


def _line_from(cells: Cells, cell: RunRow, axis: str) -> Iterator[RunRow]:
    """The other finished cells of an axis that passes through the baseline's cell."""
    for line in cells.axis(cell.model, axis):
        if any(other.place == cell.place for other in line):
            yield from (other for other in line if other.ok and other.place != cell.place)


def _read_answers(tables: Path, cells: Sequence[RunRow]) -> dict[RunKey, Answers]:
    run = ["model", "dataset", "key"]
    table = (
        pl.scan_parquet(tables / "samples.parquet")
        .filter(pl.col("key").is_in({cell.key for cell in cells}), pl.col("model") == cells[0].model)
        .select(
            *run, "id", "batch", "batch_rows", "batch_full", "batch_end_to_end_s", "exact_match", "standard"
        )
        .collect()
    )
    return {
        (model, dataset, key): _answers(rows)
        for (model, dataset, key), rows in table.partition_by(run, as_dict=True, maintain_order=True).items()
    }


def _answers(rows: pl.DataFrame) -> Answers:
    timed = rows.filter(pl.col("batch_full") | ~pl.col("batch_full").any())
    batches = timed.group_by("batch", maintain_order=True).agg(
        pl.col("id"), (pl.col("batch_end_to_end_s") / pl.col("batch_rows")).first().alias("seconds")
    )
    own = rows["standard"].is_not_null().any()
    scores = rows["standard" if own else "exact_match"].cast(pl.Float64)
    metric = "the data set's own metric" if own else "exact match"
    return Answers(
        rows["id"].to_list(), batches["seconds"].to_list(), batches["id"].to_list(), scores.to_list(), metric
    )
