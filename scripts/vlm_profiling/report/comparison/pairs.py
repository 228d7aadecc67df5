"""One run against another, batch by batch where both ran the same samples in the same batches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from vlm_profiling.metrics.estimate import Entry, Estimate, marked_like
from vlm_profiling.record.absent import Absent
from vlm_profiling.statistics.compare import Times, assess, compare
from vlm_profiling.tables.identity import RunKey
from vlm_profiling.tables.row import RunRow


def latency_ratio(times: Times, original: Times) -> Estimate:
    """Mean latency over the original's, with its sampling interval and an assessment.

    The assessment takes both the interval and the noise between repetitions into account.
    """
    comparison = compare(times, original)
    interval = comparison.interval and comparison.interval.bounds
    verdict = comparison.verdict and assess(comparison.verdict, "lower")
    n = min(len(times.seconds), len(original.seconds))
    return Estimate(comparison.ratio, interval, n, verdict=verdict)


def flagged_latency_ratios(rows: Sequence[RunRow], times: Mapping[RunKey, Times]) -> list[Entry]:
    """Each run's latency relative to the first run's, which is 1 of itself; absent where either has none.

    Flagged where an audit failed for either latency.

    Args:
        rows: the runs.
        times: their batch times, s.
    """
    entries = [row.estimate("generate_s") for row in rows]
    original = entries[0]
    ratios: list[Entry] = [_of_itself(original)]
    for row, entry in zip(rows[1:], entries[1:], strict=True):
        if isinstance(entry, Absent):
            ratios.append(entry)
        elif isinstance(original, Absent):
            ratios.append(Absent(f"nothing to compare with: the first value is {original.status}"))
        else:
            ratios.append(latency_ratio(times[row.place], times[rows[0].place]))
    return [marked_like(ratio, (entry, original)) for ratio, entry in zip(ratios, entries, strict=True)]


def estimate_ratios(entries: Sequence[Entry]) -> list[Entry]:
    """Each estimate relative to the first, which is 1 of itself; absent where either has none.

    The interval is the widest that both intervals allow, none where either lacks one.
    """
    original = entries[0]
    ratios = [_of_itself(original)]
    for entry in entries[1:]:
        if isinstance(entry, Absent):
            ratios.append(entry)
        elif isinstance(original, Absent):
            ratios.append(Absent("nothing to compare with: the first value has no estimate"))
        elif entry.interval and original.interval:
            bounds = (entry.interval[0] / original.interval[1], entry.interval[1] / original.interval[0])
            ratios.append(Estimate(entry.value / original.value, bounds))
        else:
            ratios.append(Estimate(entry.value / original.value))
    return ratios


def _of_itself(entry: Entry) -> Entry:
    return entry if isinstance(entry, Absent) else Estimate(1.0)
