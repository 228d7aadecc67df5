"""What every energy meter offers: windows that are opened, sampled and closed, and the reading of a closed
one.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from vlm_profiling.errors import VlmError


class MeterError(VlmError):
    """A meter is missing or stopped answering. The message is the reason that the record carries."""


@dataclass(frozen=True)
class Clock:
    """The time that a meter lives in: the host's, or that of a simulation."""

    now_s: Callable[[], float] = time.perf_counter
    sleep: Callable[[float], None] = time.sleep


HOST_CLOCK = Clock()


@dataclass(frozen=True)
class EnergyReading:
    """What one meter saw between the opening and the closing of a window."""

    meter: str
    device: str
    """GPU UUID, or the RAPL domains that were summed."""
    seconds: float
    joules: float
    relative_uncertainty: float
    """Half-width, as a share of `joules`, that comes from the meter's resolution in time: how far they may be
    from those of the work between opening and closing. The sensor's own accuracy (5 % on GPUs, see arXiv
    2312.02741) is not in it: it is the same for all runs on one device."""
    second_meter_j: float | None = None
    temperature_start_c: float | None = None
    temperature_end_c: float | None = None
    parts: tuple[EnergyReading, ...] = ()
    """Of several boards each one's own, in a window of its own, which are added up here; empty for one meter.
    """

    @property
    def each(self) -> tuple[EnergyReading, ...]:
        """The boards' own readings; this one where it is of one meter."""
        return self.parts or (self,)

    @property
    def mean_w(self) -> float:
        """Mean power; of several boards the sum of theirs, each over its own window."""
        return sum(part.joules / part.seconds for part in self.each)


class MeterWindow(Protocol):
    """A meter between opening and closing. Every method raises MeterError when the meter is lost."""

    def sample(self) -> None:
        """Take note of the present value; called about ten times a second from a thread of its own."""

    def finish(self) -> EnergyReading:
        """Close the window. No sample may be under way."""
        ...


class Meter(Protocol):
    """A device whose joules can be read."""

    def start(self) -> MeterWindow:
        """Open a window. Raises MeterError when the meter is lost."""
        ...
