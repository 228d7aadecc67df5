"""The audit of repetition noise: which effects of an axis are larger than it."""

from __future__ import annotations

from collections.abc import Iterator

from vlm_profiling.audits.base import Check, Context, Finding, conclude, not_applicable, value_name
from vlm_profiling.record.breakdown import Repeats
from vlm_profiling.record.schema import RunRecord
from vlm_profiling.statistics.compare import LARGEST_SAME, Times, compare

NAME = "noise band"
ASKS = "How much does latency vary with nothing changed, and which effects are larger than that?"


def judge(context: Context) -> Finding:
    """The finding about the run's noise, and about its latency against the run at the start of each axis.

    It warns where an effect is ambiguous, or the noise so large that every effect would be. An effect inside
    the noise band is "same": none was found.
    """
    repeats = context.record.repeats
    if repeats is None:
        return not_applicable(NAME, context.record.absent.get("repeats", "the batches were not repeated"))
    return conclude(NAME, [_own(repeats), *_effects(context)])


def _own(repeats: Repeats) -> Check:
    words = (
        f"the mean of {len(repeats.batches)} batches varies by {repeats.noise:.2%} between repetitions and "
        f"is known to ±{repeats.half_width:.2%} ({repeats.rounds} repetitions, stopped: {repeats.stopped})"
    )
    return Check("pass" if repeats.half_width <= LARGEST_SAME else "warn", words, ("latency",))


def _effects(context: Context) -> Iterator[Check]:
    for axis in context.study.axes:
        start, own = context.start(axis), getattr(context.record.point, axis)
        if start is None or start is context.record:
            continue
        comparison = compare(sample_times(context.record), sample_times(start))
        first = value_name(getattr(start.point, axis))
        words = f"{axis} {value_name(own)} against {first}: {comparison.ratio:.1%} of the time per sample"
        if comparison.interval:
            words += f" [{comparison.interval.low:.1%}, {comparison.interval.high:.1%}]"
        if comparison.band is not None:
            words += f", noise band ±{comparison.band:.1%}"
        if comparison.verdict is None:
            missing = "only one batch" if comparison.band is not None else "no repetitions in the other run"
            yield Check("not applicable", f"{words}: no verdict, {missing}")
        else:
            verdict = "warn" if comparison.verdict == "ambiguous" else "pass"
            yield Check(verdict, f"{words}: {comparison.verdict}", ("latency",))


def sample_times(record: RunRecord) -> Times:
    """The generate() times of the timed batches per row, so that batch sizes can be compared."""
    timed = record.timed_batches
    samples: dict[int, list[str]] = {number: [] for number in timed}
    for sample in record.samples:
        if sample.batch in samples:
            samples[sample.batch].append(sample.id)
    return Times(
        tuple(batch.generate_s / batch.rows for batch in timed.values()),
        tuple(map(tuple, samples.values())),
        record.repeats.drift if record.repeats else None,
    )
