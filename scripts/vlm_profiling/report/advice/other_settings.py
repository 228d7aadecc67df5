"""Hints from the axes: other settings that are faster, and their effect on the answers."""

from __future__ import annotations

from collections.abc import Iterator

from vlm_profiling.metrics.estimate import Estimate
from vlm_profiling.record.absent import Absent
from vlm_profiling.report.advice.base import Alternative, Hint, Subject, is_sure, percent
from vlm_profiling.report.words import value_label
from vlm_profiling.study.axes import AXES

MARGIN = 0.05
"""A score is unchanged where the lower end of its change's interval is at most this much below 0: 5 points.
"""


def faster_optimization(subject: Subject) -> Iterator[Hint]:
    """Every optimization that was faster, unless the answers got worse or may have."""
    for found in subject.alternatives:
        if found.axis == "optimization" and _is_faster(found) and not _changes_answers(found):
            yield _hint(subject, found, f"Use the optimization {found.row.optimization}")


def larger_batch(subject: Subject) -> Iterator[Hint]:
    """The batch size that gives most samples a second, where it is another than the baseline's."""
    faster = [
        found
        for found in subject.alternatives
        if found.axis == "batch_size" and _is_faster(found) and not _changes_answers(found)
    ]
    if faster:
        best = max(faster, key=lambda found: found.speedup.value)
        words = f"Use batches of {best.row.batch_size}, if an answer may wait for others"
        yield _hint(subject, best, words)


def smaller_input(subject: Subject) -> Iterator[Hint]:
    """The value of each axis of the input that is fastest without a loss of quality."""
    inputs = {name: axis.given.smaller for name, axis in AXES.items() if axis.given and axis.given.smaller}
    for axis, words in inputs.items():
        kept = [
            found
            for found in subject.alternatives
            if found.axis == axis and _is_faster(found) and _keeps_answers(found)
        ]
        if kept:
            best = max(kept, key=lambda found: found.speedup.value)
            yield _hint(subject, best, words.format(value_label(axis, getattr(best.row, axis))))


def _is_faster(found: Alternative) -> bool:
    """Whether the whole interval is above 1; a speed-up without an interval does not count."""
    return found.speedup.interval is not None and found.speedup.interval[0] > 1


def _keeps_answers(found: Alternative) -> bool:
    change = found.quality_change
    return isinstance(change, Estimate) and change.interval is not None and change.interval[0] >= -MARGIN


def _changes_answers(found: Alternative) -> bool:
    """Whether quality was measured and not shown to be kept."""
    return isinstance(found.quality_change, Estimate) and not _keeps_answers(found)


def _hint(subject: Subject, found: Alternative, words: str) -> Hint:
    start = value_label(found.axis, getattr(subject.row, found.axis))
    evidence = [f"against {start}, end to end per sample", _quality(found)]
    before, after = subject.row.estimate("energy_per_sample_j"), found.row.estimate("energy_per_sample_j")
    unflagged = is_sure(before) and is_sure(after)
    if isinstance(before, Estimate) and isinstance(after, Estimate) and unflagged:
        evidence.append(f"energy per sample is {percent(after.value / before.value)} of the baseline's")
    return Hint(words, found.speedup.value, "; ".join(evidence), found.speedup.interval)


def _quality(found: Alternative) -> str:
    change = found.quality_change
    if isinstance(change, Absent):
        return f"quality: {change.reason}"
    low, high = change.bounds
    return (
        f"{found.metric} {100 * change.value:+.1f} points [{100 * low:+.1f}, {100 * high:+.1f}] on the same "
        f"{change.n} samples"
    )
