"""One run against another: the ratio of their latencies with its interval, and a verdict."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from scipy.special import ndtri

from vlm_profiling.record.sections import Interval
from vlm_profiling.statistics.intervals import CONFIDENCE, mean_interval, ratio_interval

Verdict: TypeAlias = Literal["same", "lower", "higher", "ambiguous"]
Assessment: TypeAlias = Literal["same", "better", "worse", "ambiguous"]

LEAST_BAND = 0.01
"""The smallest relative effect that is stated. Repetitions see one process: they do not see what changes from
one process to the next (the addresses of its memory, say), and they stop when their mean is known to 1 %."""
LARGEST_SAME = 0.05
"""Two runs are the same only where a larger difference can be excluded."""
RULE_OF_THREE = 3
"""Where none of n answers changed, at most 3 / n of all do, at 95 % (Hanley and Lippman-Hand, JAMA 249,
1983).
"""


@dataclass(frozen=True)
class Times:
    """The latencies of a run, of which its latency is the mean."""

    seconds: tuple[float, ...]
    """One a full batch; of the partial batch where there is no full one."""
    samples: tuple[tuple[str, ...], ...]
    """Names of the samples that each batch held."""
    drift: float | None
    """Relative standard deviation that the batches of a round share, as the run's repetitions found; null
    without repetitions.
    """


@dataclass(frozen=True)
class Comparison:
    """A ratio of means. The sampling interval and the noise band are separate; the verdict takes both into
    account.
    """

    ratio: float
    interval: Interval | None
    """95 %, bootstrap: how the ratio would vary with other samples. Null for a single batch."""
    band: float | None
    """95 %, relative: how the ratio of two such runs varies with nothing changed. Null where a run has no
    repetitions.
    """
    bounds: tuple[float, float] | None
    """Of the ratio, from interval and band together; null where either is missing."""
    verdict: Verdict | None
    """Null where either is missing."""


def compare(measured: Times, reference: Times) -> Comparison:
    """The comparison of a run with another one. Paired where both had the same samples in the same batches.

    band = max(1 %, 1.96 sqrt(drift^2 + drift_of_the_other^2)), and the bounds are the interval with each half
    widened to sqrt(half^2 + band^2). Higher: both bounds above 1. Lower: both below. Same: 1 is between them,
    and neither is more than 5 % away from it. Ambiguous: 1 is between them, and so may be a larger
    difference.
    """
    paired = measured.samples == reference.samples
    ratio = float(np.mean(measured.seconds) / np.mean(reference.seconds))
    interval = ratio_interval(measured.seconds, reference.seconds, paired=paired)
    if measured.drift is None or reference.drift is None:
        return Comparison(ratio, interval, None, None, None)
    band = noise_band(measured.drift, reference.drift)
    if interval is None:
        return Comparison(ratio, None, band, None, None)
    bounds = widened(interval, band)
    return Comparison(ratio, interval, band, bounds, ratio_verdict(bounds))


def noise_band(drift: float, other: float) -> float:
    """The relative variation, 95 %, of the ratio of two runs with nothing changed; at least LEAST_BAND."""
    return max(LEAST_BAND, float(ndtri((1 + CONFIDENCE) / 2)) * (drift**2 + other**2) ** 0.5)


def widened(interval: Interval, band: float) -> tuple[float, float]:
    """The interval of a ratio, each half widened by a band of noise that is independent of it."""
    noise = band * interval.mean
    below, above = interval.mean - interval.low, interval.high - interval.mean
    return interval.mean - (below**2 + noise**2) ** 0.5, interval.mean + (above**2 + noise**2) ** 0.5


def ratio_verdict(bounds: tuple[float, float]) -> Verdict:
    """The verdict on a ratio that lies between two bounds."""
    low, high = bounds
    if low > 1:
        return "higher"
    if high < 1:
        return "lower"
    return "same" if low >= 1 - LARGEST_SAME and high <= 1 + LARGEST_SAME else "ambiguous"


def assess(verdict: Verdict, better: Literal["lower", "higher"]) -> Assessment:
    """The verdict on a metric of which lower or higher values are better."""
    if verdict in ("same", "ambiguous"):
        return verdict
    return "better" if verdict == better else "worse"


def mean_change(changes: Sequence[float]) -> Interval | None:
    """The mean change of scores between 0 and 1, sample by sample, with its 95 % interval; null for fewer
    than two samples.

    Where no score changed the interval is the rule of three's.
    """
    if len(changes) < 2:
        return None
    interval = mean_interval(changes)
    if interval is None or not any(changes):
        bound = min(1.0, RULE_OF_THREE / len(changes))
        return Interval(mean=0.0, low=-bound, high=bound)
    return interval
