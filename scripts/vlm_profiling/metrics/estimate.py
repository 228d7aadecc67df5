"""A figure with its uncertainty, or the reason why there is none; and the unit that a set of figures is best
read in.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from vlm_profiling.record.absent import Absent


@dataclass(frozen=True)
class Estimate:
    """A measured figure in its base unit (s, J, B, FLOP, or a share), with its 95 % interval where there is
    one.
    """

    value: float
    interval: tuple[float, float] | None = None
    n: int | None = None
    """How many measurements it is the mean of."""
    flags: tuple[str, ...] = ()
    """The failed audits that mark it, each with its evidence: untrusted text."""
    verdict: str | None = None
    """Of a ratio of two runs: same, faster, slower or ambiguous (statistics/compare.py)."""

    @property
    def bounds(self) -> tuple[float, float]:
        """The interval; without one, the value twice."""
        return self.interval or (self.value, self.value)


Entry = Estimate | Absent

FLAG = "⚠"
"""Printed after a figure that an audit failed, on pages and charts alike."""


def marked_like(entry: Entry, sources: Iterable[Entry]) -> Entry:
    """A figure made from others, with the flags of all of these; what is absent stays as it is."""
    if isinstance(entry, Absent):
        return entry
    flags = dict.fromkeys(flag for source in sources if isinstance(source, Estimate) for flag in source.flags)
    return replace(entry, flags=tuple(flags))


def flagged(entries: Iterable[Entry]) -> list[str]:
    """The names of the audits that failed for any of these figures: each flag begins with one."""
    flags = (flag for entry in entries if isinstance(entry, Estimate) for flag in entry.flags)
    return list(dict.fromkeys(flag.partition(":")[0] for flag in flags))


@dataclass(frozen=True)
class Unit:
    """A unit to print in: figures in the base unit are divided by `size`."""

    name: str
    size: float


SECONDS = (Unit("s", 1), Unit("ms", 1e-3), Unit("µs", 1e-6))
PER_SECOND = Unit("1/s", 1)
JOULES = (Unit("kJ", 1e3), Unit("J", 1), Unit("mJ", 1e-3))
FLOPS = (
    Unit("PFLOP", 1e15),
    Unit("TFLOP", 1e12),
    Unit("GFLOP", 1e9),
    Unit("MFLOP", 1e6),
    Unit("kFLOP", 1e3),
    Unit("FLOP", 1),
)
BYTES = (Unit("GiB", 2**30), Unit("MiB", 2**20), Unit("KiB", 2**10), Unit("B", 1))
PERCENT = Unit("%", 0.01)
TIMES_HUNDRED = Unit("× 100", 0.01)
TOKENS = Unit("tokens", 1)
WATTS = Unit("W", 1)
WORDS = Unit("words", 1)
RATIO = Unit("x", 1)

LONG_S = 10.0


def unit_of_parts(seconds: Iterable[float]) -> Unit:
    """Milliseconds, unless the longest takes LONG_S: the parts of a batch span five orders of magnitude."""
    return SECONDS[0] if max(seconds, default=0.0) >= LONG_S else SECONDS[1]


def best_unit(units: tuple[Unit, ...], entries: Iterable[Entry]) -> Unit:
    """The largest of `units` (given largest first) in which the largest figure is at least 1; without
    figures, the base unit.
    """
    largest = max((entry.value for entry in entries if isinstance(entry, Estimate)), default=None)
    if largest is None:
        return next((unit for unit in units if unit.size == 1), units[-1])
    return next((unit for unit in units if largest >= unit.size), units[-1])
