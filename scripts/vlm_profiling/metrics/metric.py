"""A metric: a published figure with its names, unit, columns and definition."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from vlm_profiling.metrics.estimate import (
    BYTES,
    FLOPS,
    JOULES,
    PER_SECOND,
    PERCENT,
    RATIO,
    SECONDS,
    TOKENS,
    WATTS,
    WORDS,
    Unit,
)

Kind: TypeAlias = Literal["latency", "energy", "flops", "memory", "quality", "stages"]
"""The kinds of figures that audits mark."""
KINDS: tuple[Kind, ...] = ("latency", "energy", "flops", "memory", "quality", "stages")

UNITS: dict[str, tuple[Unit, ...]] = {
    "s": SECONDS,
    "1/s": (PER_SECOND,),
    "J": JOULES,
    "W": (WATTS,),
    "B": BYTES,
    "FLOP": FLOPS,
    "1": (PERCENT,),
    "tokens": (TOKENS,),
    "words": (WORDS,),
    "ratio": (RATIO,),
}
"""The units that figures of a base unit are shown in, largest first."""


@dataclass(frozen=True)
class Columns:
    """The columns of a figure in its table: its value, its interval, its n, and the reason of its absence."""

    value: str
    low: str = ""
    high: str = ""
    relative_uncertainty: str = ""
    """Half of a 95 % interval as a share of the value."""
    std: str = ""
    """Sample standard deviation of the `n` values of which `value` is the mean: Student's 95 % interval."""
    n: str = ""
    absent: str = ""
    """Column with the reason for a null: JSON by `absent_key`, or plain text where that is empty."""
    absent_key: str = ""
    unasked: str = "no reason recorded"
    """The reason where the column of reasons is null, too."""
    only: tuple[str, str] | None = None
    """A column and the value it must have for the figure to be this metric."""

    @property
    def names(self) -> tuple[str, ...]:
        """All columns that the figure is read from."""
        own = (self.value, self.low, self.high, self.relative_uncertainty, self.std, self.n, self.absent)
        return tuple(filter(None, (*own, *(self.only or ())[:1])))


@dataclass(frozen=True)
class Metric:
    """A published figure."""

    id: str
    title: str
    unit: str
    """Base unit, that of the column."""
    columns: Columns
    definition: str
    """What it is, as a phrase that can follow the title and a colon."""
    measured_in: str
    """Pass of a run, or step of the study."""
    cpu_columns: Columns | None = None
    """Of a run on the CPU, where these differ."""
    table: str = "runs"
    kind: Kind | None = None
    """What audits call it."""
    better: Literal["lower", "higher"] | None = None
    shown_in: tuple[Unit, ...] = field(default=(), repr=False)
    """Units to show it in, where these are not those of the base unit."""
    vllm: str = ""
    aiperf: str = ""
    mlperf: str = ""

    @property
    def units(self) -> tuple[Unit, ...]:
        """The units to show it in, largest first."""
        return self.shown_in or UNITS[self.unit]

    @property
    def short_title(self) -> str:
        """The title without "per batch" or "per sample"."""
        return self.title.removesuffix(" per batch").removesuffix(" per sample")

    def columns_on(self, device: str) -> Columns:
        """The columns of a run on a device."""
        return self.cpu_columns if self.cpu_columns and device == "cpu" else self.columns

    @property
    def column_names(self) -> tuple[str, ...]:
        """All columns that it is read from, on any device."""
        own = (self.columns, self.cpu_columns) if self.cpu_columns else (self.columns,)
        return tuple(dict.fromkeys(name for columns in own for name in columns.names))


def distribution_columns(stem: str) -> Columns:
    """The columns of the mean of a distribution of times."""
    ends = (f"{stem}_sampling_low_s", f"{stem}_sampling_high_s")
    return Columns(f"{stem}_mean_s", *ends, n=f"{stem}_n")


def interval_columns(column: str) -> Columns:
    """The columns of a figure with a bootstrap interval."""
    return Columns(column, low=f"{column}_interval_low", high=f"{column}_interval_high")
