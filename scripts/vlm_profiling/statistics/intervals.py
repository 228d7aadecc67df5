"""The variation of an estimate with other samples: seeded 95 % bootstrap intervals.

scipy.stats.bootstrap gives the same to within the draw (a test compares them) in some ten times the time:
here the draws for a number of values are kept, so that an interval is one matrix product, and a hundred
thousand records take seconds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache

import numpy as np
from scipy.special import ndtr, ndtri

from vlm_profiling.record.sections import Interval

RESAMPLES = 9999
SUM_RESAMPLES = 2_000
"""Of sums of counts, each of which is a new sum over all samples."""
SEED = 0
CONFIDENCE = 0.95
NUMBERS_AT_ONCE = 3_000_000
"""Counts held in one matrix, 24 MB: all resamples of up to 300 values."""
_TAIL = (1 - CONFIDENCE) / 2


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
    means = _resampled_means(sample[None])[0]
    away = sample - mean
    acceleration = np.sum(away**3) / (6 * np.sum(away**2) ** 1.5)
    bias = ndtri((np.count_nonzero(means < mean) + np.count_nonzero(means <= mean)) / (2 * RESAMPLES))
    shifted = bias + ndtri((_TAIL, 1 - _TAIL))
    low, high = np.quantile(means, ndtr(bias + shifted / (1 - acceleration * shifted)))
    return Interval(mean=mean, low=float(low), high=float(high))


def ratio_interval(
    measured: Sequence[float], reference: Sequence[float], *, paired: bool = True
) -> Interval | None:
    """Mean over mean with its 95 % percentile bootstrap interval (seeded); null where either is a single
    value.

    Paired: the same things measured twice, in the same order, resampled together, so that what made one of
    them slow both times cancels. Raises ValueError as `mean_interval`, or for pairs of unequal lengths.
    """
    new, old = finite(measured), finite(reference)
    if paired and new.size != old.size:
        raise ValueError(f"pairs of unequal lengths: {new.size} and {old.size}")
    if min(new.size, old.size) == 1:
        return None
    if paired:
        over, under = _resampled_means(np.stack((new, old)))
    else:
        over, under = _resampled_means(new[None])[0], _resampled_means(old[None], stream=1)[0]
    low, high = np.quantile(over / under, (_TAIL, 1 - _TAIL))
    return Interval(mean=float(new.mean() / old.mean()), low=float(low), high=float(high))


def sums_interval(rows: np.ndarray, statistic: Callable[[np.ndarray], np.ndarray]) -> Interval | None:
    """A statistic of summed counts with its 95 % percentile bootstrap interval (seeded); null for one sample.

    Args:
        rows: The counts of each sample (samples x counts). Samples are resampled whole.
        statistic: From sums of shape (..., counts) to values of shape (...).
    """
    samples = len(rows)
    if samples < 2:
        return None
    share = np.full(samples, 1 / samples)
    drawn = np.random.default_rng(SEED).multinomial(samples, share, size=SUM_RESAMPLES)
    low, high = np.quantile(statistic(drawn @ rows), (_TAIL, 1 - _TAIL))
    return Interval(mean=float(statistic(rows.sum(axis=0))), low=float(low), high=float(high))


def finite(values: Sequence[float] | np.ndarray) -> np.ndarray:
    """The values as an array. Raises ValueError for no value or one that is not finite."""
    array = np.asarray(values, dtype=float)
    if array.size == 0 or not np.isfinite(array).all():
        raise ValueError(f"a summary needs at least one value, all of them finite; found {array.size} values")
    return array


def _resampled_means(rows: np.ndarray, stream: int = 0) -> np.ndarray:
    """Means of rows of n values (rows x n) over the same resamples: rows x RESAMPLES. Other streams are other
    draws.

    By einsum, in this thread: the threads of a BLAS, which `@` calls, spin for a tenth of a second after
    their work, and a run's next batches would take two to five times as long.
    """
    n = rows.shape[1]
    at_once = max(1, NUMBERS_AT_ONCE // n)
    chunks = [
        _draws(n, min(at_once, RESAMPLES - first), stream, first) for first in range(0, RESAMPLES, at_once)
    ]
    return np.concatenate([np.einsum("rn,nm->rm", rows, chunk) for chunk in chunks], axis=1) / n


@lru_cache(maxsize=4)
def _draws(n: int, resamples: int, stream: int, first: int) -> np.ndarray:
    """How often each of n values is in each of some resamples of n: n x resamples, seeded."""
    drawn = np.random.default_rng((SEED, stream, first)).integers(n, size=(resamples, n))
    counts = np.bincount((drawn + n * np.arange(resamples)[:, None]).ravel(), minlength=resamples * n)
    return counts.reshape(resamples, n).T.astype(float)
