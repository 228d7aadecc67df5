"""What every part of a record is made of: sections, distributions of latencies, intervals."""

from __future__ import annotations

from msgspec import Struct, field


class Section(Struct, kw_only=True, omit_defaults=True):
    """A part of a record. Fields at their default are left out of the JSON."""


class Interval(Section, kw_only=True):
    """A figure with its 95 % confidence interval."""

    mean: float
    low: float
    high: float

    @property
    def bounds(self) -> tuple[float, float]:
        """Lower and upper bound."""
        return self.low, self.high


class Distribution(Section, kw_only=True):
    """A latency over its samples. Percentiles only where n allows them (2, 29, 59 and 299)."""

    n: int
    mean_s: float
    median_s: float
    std_s: float | None = None
    """Sample standard deviation; null for n = 1."""
    min_s: float
    max_s: float
    sampling: Interval | None = None
    """95 % bootstrap interval of the mean over samples (seeded); null for n = 1."""
    p90_s: float | None = None
    p95_s: float | None = None
    p99_s: float | None = None
    outliers: list[int] = field(default_factory=list)
    """Values outside 3 interquartile ranges (Tukey) by position, which for figures per batch is the batch;
    kept everywhere.
    """
