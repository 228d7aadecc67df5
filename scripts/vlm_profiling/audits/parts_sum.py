"""Whether the stages of a run add up to its whole."""

from __future__ import annotations

from collections.abc import Iterator

from vlm_profiling.audits.base import Check, Context, Finding, conclude, graded, not_applicable
from vlm_profiling.record.inside import Stages
from vlm_profiling.record.schema import Record

NAME = "parts sum to whole"
ASKS = "Do the stages add up to the time that was published without any instrument?"

TOLERANCE = 0.02


def judge(context: Context) -> Finding:
    """Stages against their own pass, which has no noise between them, and that pass against the headline."""
    record = context.record
    if record.stages is None:
        return not_applicable(NAME, "the protocol asks for no stages")
    return conclude(NAME, list(_checks(record, record.stages)))


def _checks(record: Record, stages: Stages) -> Iterator[Check]:
    missing = 1 - sum(stage.time.mean_s for stage in stages.times.values()) / stages.end_to_end.mean_s
    words = f"{missing:.2%} of the end-to-end time is in no stage"
    yield Check(graded(abs(missing), TOLERANCE, TOLERANCE), words, ("stages",))
    shares = sum(stage.share for stage in stages.times.values()) + stages.unattributed_share
    words = f"the shares printed, with what is in no stage, add up to {shares:.2%}"
    yield Check(graded(abs(shares - 1), TOLERANCE, TOLERANCE), words, ("stages",))
    cost = stages.against_headline - 1
    words = f"generate() with the stages marked differs from the headline by {cost:+.2%}"
    interval = stages.against_headline_interval
    if interval:
        words += f" [{interval.low - 1:+.2%}, {interval.high - 1:+.2%}]"
        proven = interval.low - 1 > TOLERANCE or interval.high - 1 < -TOLERANCE
    else:
        proven = False  # a single batch: no telling a cost from noise
    yield Check("pass" if abs(cost) <= TOLERANCE else "fail" if proven else "warn", words, ("stages",))
