"""The subjects of hints, gathered from the tables."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from vlm_profiling.cost.roofline.roofline import StageRoofline
from vlm_profiling.metrics.estimate import Entry, Estimate
from vlm_profiling.record.absent import Absent
from vlm_profiling.report.advice.base import Alternative, Subject, is_sure
from vlm_profiling.statistics.compare import mean_change, noise_band, widened
from vlm_profiling.statistics.intervals import ratio_interval
from vlm_profiling.tables.part_rows import SampleRow
from vlm_profiling.tables.row import RunRow
from vlm_profiling.tables.study_tables import StudyTables

MIN_SCORE = 0.05
"""Mean score at the baseline from which on its changes say something about quality."""


@dataclass(frozen=True)
class AnswerChanges:
    """A run's samples, in the order asked."""

    ids: list[str]
    seconds: list[float]
    """End-to-end time of each full batch divided by its rows."""
    batches: list[list[str]]
    """The samples of each of these batches."""
    scores: list[float | None]
    """By the data set's own metric where it has one, else exact match; None for random weights."""
    metric: str


def subjects(tables: StudyTables, model: str) -> list[Subject]:
    """A subject for each data set on which a model's baseline was measured."""
    found = []
    for row in tables.runs.baseline(model):
        if not row.ok:
            continue
        others = [(axis, other) for axis in tables.study.axes for other in _line_from(tables, row, axis)]
        before = answers(tables.samples[row.place]) if others else None
        alternatives = [
            alternative
            for axis, other in others
            if before and (alternative := _alternative(tables, axis, row, other, before))
        ]
        sure = is_sure(row.estimate("end_to_end_s")) and not row.flags.get("stages")
        stages = {stage.stage: stage for stage in tables.stages.get(row.place, ())} if sure else {}
        layers = tables.layers.get(row.place, ())
        found.append(Subject(row, stages, layers, _nearest(tables.roofline.get(row.place, ())), alternatives))
    return found


def answers(samples: Sequence[SampleRow]) -> AnswerChanges:
    """The samples of a run as hints compare them."""
    timed = [sample for sample in samples if sample.batch_full] or samples
    batches: dict[int, list[SampleRow]] = {}
    for sample in timed:
        batches.setdefault(sample.batch, []).append(sample)
    own = any(sample.standard is not None for sample in samples)
    scores = [sample.standard if own else sample.exact_match for sample in samples]
    return AnswerChanges(
        [sample.id for sample in samples],
        [rows[0].batch_end_to_end_s / rows[0].batch_rows for rows in batches.values()],
        [[sample.id for sample in rows] for rows in batches.values()],
        [None if score is None else float(score) for score in scores],
        "the data set's own metric" if own else "exact match",
    )


def compare(
    axis: str, row: RunRow, other: RunRow, before: AnswerChanges, after: AnswerChanges
) -> Alternative | None:
    """Another value of an axis compared with the baseline.

    None where an audit failed for the times or the answers of either.

    Args:
        axis: the name of the axis.
        row: the run at the baseline.
        other: the run at another value.
        before: the samples of the run at the baseline.
        after: the samples of the other run.
    """
    if any(not is_sure(run.estimate("end_to_end_s")) or run.flags.get("quality") for run in (row, other)):
        return None
    interval = ratio_interval(before.seconds, after.seconds, paired=before.batches == after.batches)
    ratio = (sum(before.seconds) / len(before.seconds)) / (sum(after.seconds) / len(after.seconds))
    bounds = None
    if interval and row.repeats_drift is not None and other.repeats_drift is not None:
        bounds = widened(interval, noise_band(row.repeats_drift, other.repeats_drift))
    elif interval:
        bounds = interval.bounds
    speedup = Estimate(ratio, bounds, min(len(before.seconds), len(after.seconds)))
    return Alternative(axis, other, speedup, _quality_change(row, other, before, after), after.metric)


def _alternative(
    tables: StudyTables, axis: str, row: RunRow, other: RunRow, before: AnswerChanges
) -> Alternative | None:
    found = compare(axis, row, other, before, answers(tables.samples[other.place]))
    return found and replace(found, roofline=_nearest(tables.roofline.get(other.place, ())))


def _nearest(rows: Iterable[StageRoofline]) -> dict[str, StageRoofline]:
    """Each stage against the machine's measured ceilings where it has a floor there, else the datasheet's."""
    chosen: dict[str, StageRoofline] = {}
    for row in rows:
        if row.floor_s is not None and (row.ceiling == "measured" or row.stage not in chosen):
            chosen[row.stage] = row
    return chosen


def _quality_change(row: RunRow, other: RunRow, before: AnswerChanges, after: AnswerChanges) -> Entry:
    """The score of one run minus another's, sample by sample, or why that says nothing about quality."""
    for entry in (row.estimate("exact_match"), other.estimate("exact_match")):
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
        return Absent(f"{before.metric} is {100 * mean:.1f} at the baseline, too low to see a change")
    change = mean_change([new - old for old, new in pairs])
    assert change is not None
    return Estimate(change.mean, change.bounds, len(pairs))


def _line_from(tables: StudyTables, row: RunRow, axis: str) -> Iterator[RunRow]:
    """The other finished runs of an axis that contains the run at the baseline."""
    for line in tables.runs.axis(row.model, axis):
        if any(other.place == row.place for other in line):
            yield from (other for other in line if other.ok and other.place != row.place)
