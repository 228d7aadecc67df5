"""How far a figure would move with other samples: seeded 95 % intervals."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from vlm_profiling.record.sections import Interval

RESAMPLES = 9999
SEED = 0
CONFIDENCE = 0.95
NUMBERS_AT_ONCE = 10_000_000
"""Resampled values held at once by a bootstrap: 80 MB."""


def mean_interval(values: Sequence[float] | np.ndarray) -> Interval | None:
    """The mean with its 95 % bootstrap interval (BCa: Efron, JASA 82, 1987; seeded); null for a single value.

    Raises ValueError for no value or one that is not finite.
    """
    sample = finite(values)
    mean = float(sample.mean())
    if sample.size == 1:
        return None
    if np.ptp(sample) == 0:
        return Interval(mean=mean, low=mean, high=mean)
    from scipy.stats import bootstrap

    result = bootstrap((sample,), np.mean, n_resamples=RESAMPLES, confidence_level=CONFIDENCE, method="BCa", rng=SEED)
    low, high = result.confidence_interval
    return Interval(mean=mean, low=float(low), high=float(high))


def ratio_interval(measured: Sequence[float], reference: Sequence[float], *, paired: bool = True) -> Interval | None:
    """Mean over mean with its 95 % percentile bootstrap interval (seeded); null where either is a single value.

    Paired: the same things measured twice, in the same order, resampled together, so that what made one of them slow both
    times cancels. Raises ValueError as `mean_interval`, or for pairs of unequal lengths.
    """
    samples = finite(measured), finite(reference)
    if min(sample.size for sample in samples) == 1:
        return None
    from scipy.stats import bootstrap

    def ratio(new: np.ndarray, old: np.ndarray, axis: int) -> np.ndarray:
        return new.mean(axis=axis) / old.mean(axis=axis)

    result = bootstrap(
        samples,
        ratio,
        n_resamples=RESAMPLES,
        batch=max(1, NUMBERS_AT_ONCE // sum(sample.size for sample in samples)),
        confidence_level=CONFIDENCE,
        paired=paired,
        method="percentile",
        rng=SEED,
    )
    low, high = result.confidence_interval
    return Interval(mean=float(ratio(*samples, axis=0)), low=float(low), high=float(high))


def finite(values: Sequence[float] | np.ndarray) -> np.ndarray:
    """The values as an array. Raises ValueError for no value or one that is not finite."""
    array = np.asarray(values, dtype=float)
    if array.size == 0 or not np.isfinite(array).all():
        raise ValueError(f"a summary needs at least one value, all of them finite; found {array.size} values")
    return array
