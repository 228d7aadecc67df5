"""The time that a run spends measuring."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vlm_profiling.record.schema import RunRecord


def measuring_s(record: RunRecord) -> float:
    """Seconds that a finished run spent in its passes: warm-up, headline and its energy window, repeats and
    stages.
    """
    assert record.status == "ok" and record.warmup and record.headline, record.failure
    seconds = record.warmup.seconds + record.headline.passes * sum(
        batch.end_to_end_s for batch in record.batches
    )
    if record.stages:
        seconds += sum(sum(stage) for stage in record.stages.seconds.values())
    if record.repeats:
        rounds = [
            *record.repeats.seconds[1:],
            *record.repeats.instrumented_seconds,
        ]  # the first round lies in the headline
        seconds += sum(map(sum, rounds))
    return seconds
