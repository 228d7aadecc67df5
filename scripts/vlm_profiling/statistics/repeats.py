"""Repetition noise: the variation of the same batches measured repeatedly with nothing changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.special import stdtrit

from vlm_profiling.record.sections import Interval
from vlm_profiling.statistics.intervals import CONFIDENCE, finite

STEADY_ROUNDS = 10
STEADY_CHANGE = 0.1
"""The noise has stabilised when its estimates after each of the last 10 rounds are within 10 % of the present
one. With independent rounds that takes 15 to 35 of them, and the noise is then known to about
16 %."""


@dataclass(frozen=True)
class RoundNoise:
    """The noise of two or more rounds of the same two or more batches; all relative to the mean."""

    noise: float
    """Standard deviation of the rounds' means."""
    drift: float
    """The part of it that all batches of a round share, which no number of batches averages out."""
    half_width: float
    """Of the 95 % interval (Student) of the mean of the rounds' means."""


def round_noise(rounds: Sequence[Sequence[float]]) -> RoundNoise:
    """The noise of rounds (seconds by round and batch).

    Drift is the variance component between rounds: variance of the rounds' means - mean square of the rest /
    batches, each batch relative to its own mean; 0 where the rest explains it all (Searle, Casella and
    McCulloch, Variance Components, 1992).
    """
    seconds = np.array([finite(batches) for batches in rounds])
    count, batches = seconds.shape
    means = seconds.mean(axis=1)
    noise = float(means.std(ddof=1) / means.mean())
    relative = seconds / seconds.mean(axis=0)
    shared = relative.mean(axis=1)
    rest = float(np.square(relative - shared[:, None]).sum() / ((count - 1) * (batches - 1)))
    drift = max(0.0, float(shared.var(ddof=1)) - rest / batches) ** 0.5
    return RoundNoise(noise, drift, _student(count) * noise / count**0.5)


def enough_rounds(
    rounds: Sequence[Sequence[float]], *, min_rounds: int, half_width: float
) -> Literal["half width", "noise steady"] | None:
    """Why no further round is needed; None while one is.

    Args:
        rounds: Seconds by round and batch.
        min_rounds: Rounds that are always measured, 2 or more.
        half_width: Relative half-width of the mean's 95 % interval at which the mean is known well enough.
    """
    if len(rounds) < min_rounds:
        return None
    now = round_noise(rounds)
    if now.half_width <= half_width:
        return "half width"
    earlier = range(len(rounds) - STEADY_ROUNDS, len(rounds))
    if earlier.start >= min_rounds and all(
        abs(round_noise(rounds[:count]).noise - now.noise) <= STEADY_CHANGE * now.noise for count in earlier
    ):
        return "noise steady"
    return None


def largest_move(rounds: Sequence[Sequence[float]]) -> float:
    """The difference between the slowest and the fastest round, relative to the mean of all."""
    means = np.mean(rounds, axis=1)
    return float(np.ptp(means) / means.mean())


def paired_ratio(
    measured: Sequence[Sequence[float]], reference: Sequence[Sequence[float]]
) -> Interval | None:
    """The ratio of rounds measured in two ways, each pair directly after one another, with its 95 % interval.

    Geometric mean of the pairs' ratios with Student's interval of their logarithms: the unit is the round,
    whose batches share the state of the machine. Null for a single pair.
    """
    logarithms = np.log(np.sum(measured, axis=1) / np.sum(reference, axis=1))
    count = logarithms.size
    if count < 2:
        return None
    mean, reach = logarithms.mean(), _student(count) * logarithms.std(ddof=1) / count**0.5
    return Interval(
        mean=float(np.exp(mean)), low=float(np.exp(mean - reach)), high=float(np.exp(mean + reach))
    )


def _student(count: int) -> float:
    """Half the width of Student's 95 % interval in standard errors."""
    return float(stdtrit(count - 1, (1 + CONFIDENCE) / 2))
