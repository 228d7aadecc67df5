"""Whether the stages of a run add up to its whole, and what telling them apart cost."""

from __future__ import annotations

from collections.abc import Iterator

from vlm_profiling.audits.base import Check, Context, Finding, Verdict, conclude, graded, not_applicable
from vlm_profiling.record.breakdown import Stages
from vlm_profiling.record.schema import RunRecord
from vlm_profiling.record.sections import Interval
from vlm_profiling.statistics.intervals import ratio_interval
from vlm_profiling.statistics.repeats import largest_move

NAME = "parts sum to whole"
ASKS = "Do the stages add up to the time that was published without any instrument?"

TOLERANCE = 0.02


def judge(context: Context) -> Finding:
    """The stages against their own pass, what marking them cost, and their sum against the headline.

    The first two are free of noise and of drift: stages and whole are the same run of a batch, and marked and
    unmarked rounds take turns. Between two passes the machine may change, which the unmarked rounds see:
    their largest move is allowed, too.
    """
    record = context.record
    if record.stages is None:
        return not_applicable(NAME, "the protocol asks for no stages")
    return conclude(NAME, list(_checks(record, record.stages)))


def _checks(record: RunRecord, stages: Stages) -> Iterator[Check]:
    missing = 1 - sum(stage.time.mean_s for stage in stages.times.values()) / stages.end_to_end.mean_s
    words = f"{missing:.2%} of the end-to-end time is in no stage"
    yield Check(graded(abs(missing), TOLERANCE, TOLERANCE), words, ("stages",))
    shares = sum(stage.share for stage in stages.times.values()) + stages.unattributed_share
    words = f"the shares printed, with what is in no stage, add up to {shares:.2%}"
    yield Check(graded(abs(shares - 1), TOLERANCE, TOLERANCE), words, ("stages",))
    if cost := stages.marking_cost:
        words = f"generate() takes {cost.mean - 1:+.2%} [{cost.low - 1:+.2%}, {cost.high - 1:+.2%}] with the stages marked"
        yield Check(_within(cost.mean, TOLERANCE, cost), words, ("stages",))
    yield _against_headline(record, stages)


def _against_headline(record: RunRecord, stages: Stages) -> Check:
    """All stages of all full batches (of the partial one where there is no other) over the headline's end to
    end.
    """
    full = [number for number, batch in enumerate(record.batches) if batch.full] or range(len(record.batches))
    sums = [sum(seconds[number] for seconds in stages.seconds.values()) for number in full]
    headline = [record.batches[number].end_to_end_s for number in full]
    ratio, interval = sum(sums) / sum(headline), ratio_interval(sums, headline)
    words = f"the stages' sum is {ratio - 1:+.2%} off the headline's end to end"
    if record.repeats is None:  # nothing tells what the machine did between the passes
        return Check(_within(ratio, TOLERANCE, None), f"{words}, and no repeats tell its noise", ("stages",))
    move = largest_move(record.repeats.seconds)
    words += f", where the same batches unmarked moved by up to {move:.2%}"
    return Check(_within(ratio, TOLERANCE + move, interval), words, ("stages",))


def _within(ratio: float, allowed: float, interval: Interval | None) -> Verdict:
    """Pass within what is allowed around 1; beyond it fail where all of the interval lies there, else warn."""
    if abs(ratio - 1) <= allowed:
        return "pass"
    return "fail" if interval and (interval.low - 1 > allowed or interval.high - 1 < -allowed) else "warn"
