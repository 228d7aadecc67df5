"""The verdicts of many comparisons at once: the probability that chance alone makes any of them different is
held at 5 %.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri, stdtrit

from vlm_profiling.statistics.compare import Verdict, ratio_verdict
from vlm_profiling.statistics.intervals import CONFIDENCE

KEPT = 0.9
"""Share of the runs, from the quietest on, whose noise counts as that of their machine: a few disturbed runs
do not.
"""


@dataclass(frozen=True)
class ComparedValue:
    """One of several comparisons."""

    value: float
    """A ratio, or 1 + a difference."""
    interval: tuple[float, float]
    """Of the value, 95 %."""
    n: int | None
    """Values that the interval was estimated from; None where it is known otherwise."""
    band: float = 0.0
    """95 %, relative: how much the value varies with nothing changed."""

    def bounds(self, comparisons: int) -> tuple[float, float]:
        """The bounds of the value, such that those of so many comparisons hold together at 95 %.

        Interval and band are widened each by its own tail, Student's for an interval that was estimated from
        few values, and then combined.
        """
        tail = (1 - CONFIDENCE) / 2 / comparisons
        usual = -float(ndtri((1 - CONFIDENCE) / 2))
        estimated = float(ndtri(tail)) if self.n is None else float(stdtrit(self.n - 1, tail))
        noise = float(ndtri(tail)) / usual * self.band * self.value
        below, above = (estimated / usual * abs(end - self.value) for end in self.interval)
        return self.value - math.hypot(below, noise), self.value + math.hypot(above, noise)


def verdicts_together(comparisons: Sequence[ComparedValue]) -> list[Verdict]:
    """The verdicts of a family of comparisons: in at most 5 % of such families chance alone makes any of them
    higher or lower.

    Holm's step-down (Scandinavian Journal of Statistics 6, 1979): each difference that is found leaves fewer
    comparisons to correct for.
    """
    found = 0
    while True:
        left = max(1, len(comparisons) - found)
        verdicts: list[Verdict] = [ratio_verdict(compared.bounds(left)) for compared in comparisons]
        now = sum(verdict in ("higher", "lower") for verdict in verdicts)
        if now == found:
            return verdicts
        found = now


def shared_drift(drifts: Sequence[float]) -> float:
    """The relative drift of any run on a machine, from the drifts that each run's own repetitions found.

    Root mean square over the quietest nine in ten. One run estimates its drift from a few rounds: among a
    hundred runs some have by chance seen far too little of it, and would be called higher for it.
    """
    quiet = sorted(drifts)[: math.ceil(KEPT * len(drifts))]
    return float(np.sqrt(np.mean(np.square(quiet)))) if quiet else 0.0
