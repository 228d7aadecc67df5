"""The audit of answers that an optimization made worse."""

from __future__ import annotations

from collections.abc import Iterator

from vlm_profiling.audits.base import Check, Context, Finding, conclude, not_applicable
from vlm_profiling.quality.answers import answer_drift
from vlm_profiling.quality.drift import MORE_IS_BETTER, Drift, beyond_chance
from vlm_profiling.record.absent import Absent
from vlm_profiling.statistics.multiple_comparisons import ComparedValue
from vlm_profiling.study.grid import reference_optimization

NAME = "quality drift"
ASKS = "Are the answers worse than those of the reference optimization, beyond chance?"


def judge(context: Context) -> Finding:
    """The finding about answers and scores against those of the reference optimization, on the same samples.

    A change counts where its interval excludes 0 even when widened to hold for all metrics of all
    optimizations compared: of many comparisons a few would look worse by chance. Drift is a property of the
    model and no mistake of measuring, so it warns and never fails.
    """
    runs = context.along("optimization")
    wanted = reference_optimization(context.study)
    reference = next((run for run in runs if run.point.optimization == wanted), None)
    if reference is None or reference is context.record:
        return not_applicable(NAME, "this is the reference optimization, or it has no run at these settings")
    drift = answer_drift(context.record, reference)
    if isinstance(drift, Absent):
        return not_applicable(NAME, drift.reason)
    words = f"{drift.changed} of {drift.common} answers differ from those of {reference.point.optimization}"
    checks = list(_checks(drift, words, len(MORE_IS_BETTER) * (len(runs) - 1)))
    return conclude(NAME, checks or [Check("pass", f"{words}; quality {next(iter(drift.absent.values()))}")])


def _checks(drift: Drift, words: str, comparisons: int) -> Iterator[Check]:
    for measure in MORE_IS_BETTER:
        change = drift.change(measure)
        if change is not None:
            verdict = beyond_chance(
                measure, ComparedValue(change.mean, change.bounds, n=None).bounds(comparisons)
            )
            name = (drift.standard_metric or measure) if measure == "standard" else measure
            interval = f"[{100 * change.low:+.2f}, {100 * change.high:+.2f}]"
            evidence = f"{words}; {name} {100 * change.mean:+.2f} points {interval}"
            yield Check("warn" if verdict == "worse" else "pass", evidence, ("quality",))
