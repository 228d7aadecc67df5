"""The scaling of a latency along an axis: the exponent of a power law, and the seconds of one unit more, each
with its interval.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from vlm_profiling.errors import VlmError
from vlm_profiling.record.sections import Interval
from vlm_profiling.statistics.compare import LEAST_BAND
from vlm_profiling.statistics.intervals import CONFIDENCE, SEED, finite

RESAMPLES = 2000
MIN_VALUES = 3
"""Every curve fits two values."""
MIN_SPAN = 1.1
"""Between the smallest and the largest size."""
LEAST_DRIFT = LEAST_BAND / 1.96 / 2**0.5
"""The least relative drift of a run's mean between processes: that of two runs makes the least noise band of
a comparison.
"""
_TAIL = (1 - CONFIDENCE) / 2


class NoScalingError(VlmError):
    """A scaling cannot be fitted; the message is the reason."""


@dataclass(frozen=True)
class Measurement:
    """The measurement at one value of an axis."""

    size: float
    """Of the work, above 0: rows, tokens, frames."""
    seconds: tuple[float, ...]
    """One a full batch."""
    drift: float | None
    """Relative standard deviation that the batches of a round share; null without repetitions."""


@dataclass(frozen=True)
class ScalingFit:
    """A power law and a line fitted to the mean latencies along an axis."""

    values: int
    """Values of the axis that were fitted."""
    exponent: Interval
    """b of latency = a size^b."""
    log_coefficient: float
    """log of a, which itself may be too large for a float."""
    slope: Interval
    """d of latency = c + d size: seconds a unit more."""
    off_power: float
    """Largest relative distance of a mean from the power."""
    off_line: float
    """Largest relative distance of a mean from the line."""


def fit_scaling(measurements: Sequence[Measurement]) -> ScalingFit:
    """Least squares of log latency over log size, and of relative distances from a line, over the values'
    means.

    The intervals (95 %, percentile, seeded) are those of fits to bootstrap resamples: of the batches at each
    value by itself, each mean moved by its run's drift (normal; at least what two processes differ by,
    LEAST_DRIFT).

    Raises NoScalingError where fewer than three sizes were measured, the largest is not a tenth larger than
    the smallest, or a value has a single batch.
    """
    sizes = np.array([measurement.size for measurement in measurements], dtype=float)
    if len(set(sizes)) < MIN_VALUES:
        raise NoScalingError(f"fewer than {MIN_VALUES} sizes with figures ({len(set(sizes))})")
    if sizes.max() < MIN_SPAN * sizes.min():
        raise NoScalingError(f"sizes from {sizes.min():.4g} to {sizes.max():.4g} are too near to each other")
    if min(len(measurement.seconds) for measurement in measurements) < 2:
        raise NoScalingError("a value has a single full batch, so the error of its mean is not known")
    means = np.array([finite(measurement.seconds).mean() for measurement in measurements])
    resampled = np.stack([_resampled(measurement, number) for number, measurement in enumerate(measurements)])
    logs = np.log(sizes)
    exponent, offset = _line(logs, np.log(means)[:, None])
    slope, start = _line(sizes, means[:, None], weights=means[:, None] ** -2)
    exponents, _ = _line(logs, np.log(resampled))
    slopes, _ = _line(sizes, resampled, weights=resampled**-2)
    return ScalingFit(
        values=len(measurements),
        exponent=_interval(exponent[0], exponents),
        log_coefficient=float(offset[0]),
        slope=_interval(slope[0], slopes),
        off_power=float(np.abs(np.exp(np.log(means) - offset[0] - exponent[0] * logs) - 1).max()),
        off_line=float(np.abs((start[0] + slope[0] * sizes) / means - 1).max()),
    )


def _resampled(measurement: Measurement, stream: int) -> np.ndarray:
    """Means of resamples of one value's batches, moved by its drift: RESAMPLES of them."""
    draw = np.random.default_rng((SEED, stream))
    seconds = finite(measurement.seconds)
    means = seconds[draw.integers(seconds.size, size=(RESAMPLES, seconds.size))].mean(axis=1)
    drift = max(LEAST_DRIFT, measurement.drift or 0.0)
    return means * np.exp(drift * draw.standard_normal(RESAMPLES))


def _line(x: np.ndarray, y: np.ndarray, weights: np.ndarray | float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Slope and start of the (weighted) least-squares line through each column of y: values x fits."""
    weight = np.broadcast_to(weights, y.shape)
    total = weight.sum(axis=0)
    centre_x, centre_y = (weight * x[:, None]).sum(axis=0) / total, (weight * y).sum(axis=0) / total
    away = x[:, None] - centre_x
    slope = (weight * away * (y - centre_y)).sum(axis=0) / (weight * away**2).sum(axis=0)
    return slope, centre_y - slope * centre_x


def _interval(mean: float, resampled: np.ndarray) -> Interval:
    low, high = np.quantile(resampled, (_TAIL, 1 - _TAIL))
    return Interval(mean=float(mean), low=float(low), high=float(high))
