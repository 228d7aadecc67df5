"""The summary of a latency that a record holds."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from vlm_profiling.record.sections import Distribution
from vlm_profiling.statistics.intervals import finite, mean_interval

PERCENTILE_MIN_N = {90: 29, 95: 59, 99: 299}
"""The fewest samples whose maximum lies above the percentile with 95 % confidence: the least n with p^n <=
0.05 (Wilks, Annals of Mathematical Statistics 12, 1941)."""
TUKEY_RANGES = 3.0
"""Interquartile ranges beyond the quartiles from which a sample is far out (Tukey, Exploratory Data Analysis,
1977).
"""


def distribution(seconds: Sequence[float]) -> Distribution:
    """The summary of at least one latency in seconds. Outliers are named and stay in every figure.

    Raises ValueError for no sample or one that is not finite.
    """
    values = finite(seconds)
    percentiles = {
        f"p{percent}_s": float(np.percentile(values, percent))
        for percent, n in PERCENTILE_MIN_N.items()
        if values.size >= n
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


def _outliers(values: np.ndarray) -> list[int]:
    lower, upper = np.percentile(values, (25, 75))
    reach = TUKEY_RANGES * (upper - lower)
    return np.flatnonzero((values < lower - reach) | (values > upper + reach)).tolist()
