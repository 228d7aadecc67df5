"""Many comparisons judged at once: how often chance alone makes any of them stand out is held at 5 %, and no
more than that.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri, stdtrit

from vlm_profiling.statistics.compare import Verdict, judge
from vlm_profiling.statistics.intervals import CONFIDENCE

KEPT = 0.9
"""Share of the runs, from the quietest on, whose noise counts as that of their machine: a few disturbed ones
are no rule.
"""


@dataclass(frozen=True)
class Compared:
    """One of several comparisons."""

    value: float
    """What was found: a ratio, or 1 + a difference."""
    interval: tuple[float, float]
    """95 %, of the same."""
    n: int | None
    """What the interval is over, where it was estimated from so many values; None where it is known
    otherwise.
    """
    band: float = 0.0
    """95 %, relative: what the value moves by itself with nothing changed."""

    def bounds(self, comparisons: int) -> tuple[float, float]:
        """What can be said of the value so that the bounds of so many comparisons hold together at 95 %.

        Interval and band are widened each by its own tail, Student's for an interval that was estimated from
        few values, and then heard together.
        """
        tail = (1 - CONFIDENCE) / 2 / comparisons
        usual = -float(ndtri((1 - CONFIDENCE) / 2))
        estimated = float(ndtri(tail)) if self.n is None else float(stdtrit(self.n - 1, tail))
        noise = float(ndtri(tail)) / usual * self.band * self.value
        below, above = (estimated / usual * abs(end - self.value) for end in self.interval)
        return self.value - math.hypot(below, noise), self.value + math.hypot(above, noise)


def judge_together(comparisons: Sequence[Compared]) -> list[Verdict]:
    """The verdicts of comparisons such that any of them says slower or faster by chance in at most 5 % of
    such families.

    Holm's step-down (Scandinavian Journal of Statistics 6, 1979): whatever has been found leaves fewer to be
    doubted.
    """
    found = 0
    while True:
        left = max(1, len(comparisons) - found)
        verdicts: list[Verdict] = [judge(compared.bounds(left)) for compared in comparisons]
        now = sum(verdict in ("slower", "faster") for verdict in verdicts)
        if now == found:
            return verdicts
        found = now


def shared_drift(drifts: Sequence[float]) -> float:
    """How far any run on a machine moves by itself, relative, from what each run's own repeats say of it.

    Root mean square over the quietest nine in ten. One run tells of its drift from a few rounds: among a
    hundred runs some have seen far too little of it by luck, and would be called slower for it.
    """
    quiet = sorted(drifts)[: math.ceil(KEPT * len(drifts))]
    return float(np.sqrt(np.mean(np.square(quiet)))) if quiet else 0.0
