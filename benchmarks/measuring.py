"""What several benchmarks ask of a record."""

from __future__ import annotations

from vlm_profiling.record.schema import Record


def measuring_s(record: Record) -> float:
    """Seconds that a finished run spent in its passes: warm-up, headline, repeats and stages."""
    assert record.status == "ok" and record.warmup, record.failure
    seconds = record.warmup.seconds + sum(batch.end_to_end_s for batch in record.batches)
    if record.stages:
        seconds += sum(sum(stage) for stage in record.stages.seconds.values())
    if record.repeats:
        rounds = [*record.repeats.seconds[1:], *record.repeats.marked_seconds]  # the first round lies in the headline
        seconds += sum(map(sum, rounds))
    return seconds
