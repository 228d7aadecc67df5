"""The audit of the sum of the stages and of the overhead of instrumenting them."""

from __future__ import annotations

from collections.abc import Iterator

from vlm_profiling.audits.base import Check, Context, Finding, Verdict, conclude, graded, not_applicable
from vlm_profiling.record.breakdown import Stages
from vlm_profiling.record.schema import RunRecord
from vlm_profiling.record.sections import Interval
from vlm_profiling.statistics.intervals import ratio_interval
from vlm_profiling.statistics.repeats import largest_move

NAME = "parts sum to whole"
ASKS = "Do the stages add up to the uninstrumented end-to-end latency?"

TOLERANCE = 0.02


def judge(context: Context) -> Finding:
    """The finding about the stages: unattributed time, overhead of instrumentation, sum against the headline.

    The first two need no allowance for drift: stages and total come from the same execution of a batch, and
    instrumented and uninstrumented repetitions alternate. Between two passes the machine may change, so the
    sum may differ from the headline by the largest change between uninstrumented repetitions as well.
    """
    record = context.record
    if record.stages is None:
        return not_applicable(NAME, "`protocol.stages` is off")
    return conclude(NAME, list(_checks(record, record.stages)))


def _checks(record: RunRecord, stages: Stages) -> Iterator[Check]:
    missing = 1 - sum(stage.time.mean_s for stage in stages.times.values()) / stages.end_to_end.mean_s
    words = f"{missing:.2%} of the end-to-end time belongs to no stage"
    yield Check(graded(abs(missing), TOLERANCE, TOLERANCE), words, ("stages",))
    shares = sum(stage.share for stage in stages.times.values()) + stages.unattributed_share
    words = f"the published shares, with the unattributed one, add up to {shares:.2%}"
    yield Check(graded(abs(shares - 1), TOLERANCE, TOLERANCE), words, ("stages",))
    if cost := stages.instrumentation_overhead:
        interval = f"[{cost.low - 1:+.2%}, {cost.high - 1:+.2%}]"
        words = f"instrumenting the stages changes generate() by {cost.mean - 1:+.2%} {interval}"
        yield Check(_within(cost.mean, TOLERANCE, cost), words, ("stages",))
    yield _against_headline(record, stages)


def _against_headline(record: RunRecord, stages: Stages) -> Check:
    """The check of the stages' sum over the timed batches against the headline's end-to-end latency."""
    timed = record.timed_batches
    sums = [sum(seconds[number] for seconds in stages.seconds.values()) for number in timed]
    headline = [batch.end_to_end_s for batch in timed.values()]
    ratio, interval = sum(sums) / sum(headline), ratio_interval(sums, headline)
    words = f"the sum of the stages differs from the headline's end-to-end latency by {ratio - 1:+.2%}"
    if record.repeats is None:  # the change of the machine between the passes is unknown
        return Check(_within(ratio, TOLERANCE, None), f"{words}; its noise is unknown", ("stages",))
    move = largest_move(record.repeats.seconds)
    words += f"; uninstrumented repetitions differ by up to {move:.2%}"
    return Check(_within(ratio, TOLERANCE + move, interval), words, ("stages",))


def _within(ratio: float, allowed: float, interval: Interval | None) -> Verdict:
    """The verdict of a ratio: pass near 1, fail where its whole interval is further away, else warn."""
    if abs(ratio - 1) <= allowed:
        return "pass"
    return "fail" if interval and (interval.low - 1 > allowed or interval.high - 1 < -allowed) else "warn"
