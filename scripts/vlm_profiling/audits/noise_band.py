"""Whether what an axis did to the latency lies outside what the runs do with nothing changed."""

from __future__ import annotations

from collections.abc import Iterator

from vlm_profiling.audits.base import Check, Context, Finding, conclude, not_applicable, value_name
from vlm_profiling.record.breakdown import Repeats
from vlm_profiling.record.schema import RunRecord
from vlm_profiling.statistics.compare import LARGEST_SAME, Times, compare

NAME = "noise band"
ASKS = "How far does the figure move with nothing changed, and which effects lie outside that band?"


def judge(context: Context) -> Finding:
    """The run's own noise, and its latency per sample against that of the run where each of the study's axes
    starts.

    Warns where an effect is ambiguous, or the noise so large that every one would be. One inside the band is
    "same": no effect.
    """
    repeats = context.record.repeats
    if repeats is None:
        return not_applicable(NAME, context.record.repeats_absent or "the record holds no repeats")
    return conclude(NAME, [_own(repeats), *_effects(context)])


def _own(repeats: Repeats) -> Check:
    words = (
        f"the same {len(repeats.batches)} batches move by {repeats.noise:.2%} from round to round, their mean is known to "
        f"±{repeats.half_width:.2%} ({repeats.rounds} rounds, stopped: {repeats.stopped})"
    )
    return Check("pass" if repeats.half_width <= LARGEST_SAME else "warn", words, ("latency",))


def _effects(context: Context) -> Iterator[Check]:
    for axis in context.study.axes:
        start, own = context.start(axis), getattr(context.record.point, axis)
        if start is None or start is context.record:
            continue
        comparison = compare(sample_times(context.record), sample_times(start))
        first = value_name(getattr(start.point, axis))
        words = f"{axis} {value_name(own)} against {first}: {comparison.ratio:.1%} of its time a sample"
        if comparison.interval:
            words += f" [{comparison.interval.low:.1%}, {comparison.interval.high:.1%}]"
        if comparison.band is not None:
            words += f", noise band ±{comparison.band:.1%}"
        if comparison.verdict is None:
            missing = "a single batch" if comparison.band is not None else "no repeats on the other side"
            yield Check("not applicable", f"{words}: {missing}, no verdict")
        else:
            yield Check(
                "warn" if comparison.verdict == "ambiguous" else "pass",
                f"{words}: {comparison.verdict}",
                ("latency",),
            )


def sample_times(record: RunRecord) -> Times:
    """generate() of the batches behind the latency, divided by their rows, so that other batch sizes compare,
    too.
    """
    full = [number for number, batch in enumerate(record.batches) if batch.full] or range(len(record.batches))
    samples: dict[int, list[str]] = {number: [] for number in full}
    for sample in record.samples:
        if sample.batch in samples:
            samples[sample.batch].append(sample.id)
    return Times(
        tuple(record.batches[number].generate_s / record.batches[number].rows for number in full),
        tuple(map(tuple, samples.values())),
        record.repeats.drift if record.repeats else None,
    )
