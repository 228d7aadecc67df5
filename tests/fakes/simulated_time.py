"""A time that goes on when a process sleeps, and no sooner: what else the machine does changes no figure."""

from __future__ import annotations

import ctypes
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from vlm_profiling.measure.meters import base, energy, telemetry
from vlm_profiling.measure.meters.sampler import SamplerOverhead, due_times_s

START_S = 1000.0
LOOK_S = 1e-5
"""What a look at the clock takes."""


@dataclass
class Sampler:
    """Readers and when they are to read."""

    next_s: float
    due_s: Iterator[float]
    readers: Sequence[Callable[[], None]]


class SimulatedTime:
    """The clock of this process and of the stand-in NVML library, and the samplers that wait for it."""

    def __init__(self) -> None:
        self._now = ctypes.c_double.in_dll(ctypes.CDLL("libnvidia-ml.so.1"), "fake_nvml_clock_s")
        self._now.value = START_S
        self._samplers: list[Sampler] = []

    def now_s(self) -> float:
        """The time, which a look moves on."""
        self._now.value += LOOK_S
        return self._now.value

    def sleep(self, seconds: float) -> None:
        """Let the time go on; samplers read when they are due."""
        until_s = self._now.value + seconds
        while (
            self._samplers
            and (first := min(self._samplers, key=lambda sampler: sampler.next_s)).next_s < until_s
        ):
            self._now.value = max(self._now.value, first.next_s)
            first.next_s = next(first.due_s)
            for read in first.readers:
                read()
        self._now.value = max(self._now.value, until_s)

    @contextmanager
    def sampled(self, readers: Sequence[Callable[[], None]]) -> Iterator[SamplerOverhead]:
        """Stands in for meters.sampler.sampled, without a thread."""
        started_s = self._now.value
        due_s = (started_s + seconds for seconds in due_times_s())
        sampler = Sampler(next(due_s), due_s, readers)
        self._samplers.append(sampler)
        yield SamplerOverhead()
        self._samplers.remove(sampler)


def simulate_time() -> None:
    """Have this process live in a simulated time from now on."""
    simulated = SimulatedTime()
    time.perf_counter, time.sleep = simulated.now_s, simulated.sleep
    object.__setattr__(base.HOST_CLOCK, "now_s", simulated.now_s)
    object.__setattr__(base.HOST_CLOCK, "sleep", simulated.sleep)
    energy.sampled = telemetry.sampled = simulated.sampled
