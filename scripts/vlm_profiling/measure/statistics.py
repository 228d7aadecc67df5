"""Summaries of samples: distribution, percentiles where the number of samples allows them, bootstrap intervals."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from vlm_profiling.record.sections import Distribution, Interval

RESAMPLES = 9999
SEED = 0
CONFIDENCE = 0.95
PERCENTILE_MIN_N = {90: 29, 95: 59, 99: 299}
"""The fewest samples whose maximum lies above the percentile with 95 % confidence: the least n with p^n <= 0.05
(Wilks, Annals of Mathematical Statistics 12, 1941)."""
TUKEY_RANGES = 3.0
"""Interquartile ranges beyond the quartiles from which a sample is far out (Tukey, Exploratory Data Analysis, 1977)."""


def distribution(seconds: Sequence[float]) -> Distribution:
    """The summary of at least one latency in seconds. Outliers are counted and stay in every figure.

    Raises ValueError for no sample or one that is not finite.
    """
    values = _finite(seconds)
    percentiles = {
        f"p{percent}_s": float(np.percentile(values, percent)) for percent, n in PERCENTILE_MIN_N.items() if values.size >= n
    }
    return Distribution(
        n=values.size,
        mean_s=float(values.mean()),
        median_s=float(np.median(values)),
        std_s=float(values.std(ddof=1)) if values.size > 1 else None,
        min_s=float(values.min()),
        max_s=float(values.max()),
        sampling=mean_interval(values),
        outliers=_outliers(values),
        **percentiles,
    )


def mean_interval(values: Sequence[float] | np.ndarray) -> Interval | None:
    """The mean with its 95 % bootstrap interval (BCa: Efron, JASA 82, 1987; seeded); null for a single value.

    Raises ValueError for no value or one that is not finite.
    """
    sample = _finite(values)
    mean = float(sample.mean())
    if sample.size == 1:
        return None
    if np.ptp(sample) == 0:
        return Interval(mean=mean, low=mean, high=mean)
    from scipy.stats import bootstrap

    result = bootstrap((sample,), np.mean, n_resamples=RESAMPLES, confidence_level=CONFIDENCE, method="BCa", rng=SEED)
    low, high = result.confidence_interval
    return Interval(mean=mean, low=float(low), high=float(high))


def ratio_interval(measured: Sequence[float], reference: Sequence[float]) -> Interval | None:
    """Sum over sum of the same batches measured twice, with its 95 % percentile bootstrap interval over pairs (seeded).

    Null for a single pair. Raises ValueError as `mean_interval`, or for unequal lengths.
    """
    pairs = _finite(measured), _finite(reference)
    if pairs[0].size == 1:
        return None
    from scipy.stats import bootstrap

    def ratio(new: np.ndarray, old: np.ndarray, axis: int) -> np.ndarray:
        return new.sum(axis=axis) / old.sum(axis=axis)

    result = bootstrap(pairs, ratio, n_resamples=RESAMPLES, paired=True, method="percentile", rng=SEED)
    low, high = result.confidence_interval
    return Interval(mean=float(ratio(*pairs, axis=0)), low=float(low), high=float(high))


def _finite(values: Sequence[float] | np.ndarray) -> np.ndarray:
    array = np.asarray(values, dtype=float)
    if array.size == 0 or not np.isfinite(array).all():
        raise ValueError(f"a summary needs at least one value, all of them finite; found {array.size} values")
    return array


def _outliers(values: np.ndarray) -> int:
    lower, upper = np.percentile(values, (25, 75))
    reach = TUKEY_RANGES * (upper - lower)
    return int(np.count_nonzero((values < lower - reach) | (values > upper + reach)))
