"""Joules of a GPU: NVML's total energy counter, with integrated power as the second meter or, where there is
no counter, as the only one."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from vlm_profiling.measure.meters.base import HOST_CLOCK, Clock, EnergyReading, MeterError
from vlm_profiling.measure.meters.gpu import NotOfferedError, NvmlGpu

POWER_REFRESH_S = 0.1
"""The oldest that a present power may be: boards refresh it every 20 to 100 ms (arXiv 2312.02741)."""
USAGE_AVERAGE_S = 1.0
"""nvmlDeviceGetPowerUsage averages over this time on Ampere (GA100 apart) and newer, says the NVML API
reference.
"""
POLL_S = 1e-3
"""Sleep between two looks at the counter while a tick is awaited."""
COUNTER_PATIENCE_S = 1.0
"""A counter that stands still for so long is not one: ten times the slowest update seen."""
PERIODS_TIMED = 3
NORMAL_95 = 1.96
"""Standard deviations that 95 % of a normal distribution lie within."""

PowerSamples = Sequence[tuple[float, float]]
"""Pairs of time in seconds and power in watts, in the order of time."""


@dataclass(frozen=True)
class Tick:
    """The energy counter at one of its updates."""

    seconds: float
    joules: float
    missed: bool
    """No update came in time: the value is older than `seconds`."""


class GpuMeter:
    """The energy meter of one GPU. Making one times the counter's update, which takes up to half a second.

    Raises MeterError when the GPU offers neither energy nor power, or when its joules are those of other work
    too.
    """

    def __init__(self, gpu: NvmlGpu, clock: Clock = HOST_CLOCK) -> None:
        if gpu.is_divided():
            raise MeterError("MIG is on: NVML gives the joules of the whole board, other instances included")
        self.gpu, self.clock = gpu, clock
        self.counter_period_s = _counter_period_s(gpu, clock)
        self.power_w, self.power_resolution_s = _power_source(gpu)
        if self.counter_period_s is None and self.power_w is None:
            raise MeterError("NVML offers neither energy nor power of this GPU")

    def start(self) -> GpuWindow:
        """Open a window on the next counter tick."""
        return GpuWindow(self, *next_ticks([self]))


class GpuWindow:
    """A GPU's meters between opening and closing.

    The counter is read on a tick at both ends, so it stands for exactly the time between them; what is left
    is the idle tail between the end of the work and the closing tick, less than one update.
    """

    def __init__(self, meter: GpuMeter, start: Tick | None) -> None:
        self._meter = meter
        self._samples: list[tuple[float, float]] = []
        self._temperature_start_c = meter.gpu.temperature_c()
        self._start = start
        self.sample()

    def sample(self) -> None:
        """Note the present power."""
        if self._meter.power_w is not None:
            power_w = self._meter.power_w()
            self._samples.append((self._meter.clock.now_s(), power_w))

    def finish(self) -> EnergyReading:
        """Close the window on the next counter tick."""
        return self.close(*next_ticks([self._meter]), waited_s=0.0)

    def close(self, end: Tick | None, waited_s: float) -> EnergyReading:
        """Close the window on a tick; null where there is no counter. `waited_s`: idle between its opening
        and the work's.
        """
        self.sample()
        integrated_j, integration_error = integrate(self._samples)
        period_s = self._meter.counter_period_s
        if period_s is not None and self._start is not None and end is not None:
            seconds = end.seconds - self._start.seconds
            late_ticks = 2 * (self._start.missed + end.missed)  # each as late as it was waited for
            uncertainty = (period_s * (1 + late_ticks) + POLL_S + waited_s) / seconds
            meter, joules = "NVML total energy counter", end.joules - self._start.joules
            second_meter_j = integrated_j if self._samples else None
        else:
            seconds = self._samples[-1][0] - self._samples[0][0]
            uncertainty = (self._meter.power_resolution_s + waited_s) / seconds + integration_error
            meter, joules, second_meter_j = "NVML integrated power", integrated_j, None
        return EnergyReading(
            meter=meter,
            device=self._meter.gpu.uuid,
            seconds=seconds,
            joules=joules,
            relative_uncertainty=uncertainty,
            second_meter_j=second_meter_j,
            temperature_start_c=self._temperature_start_c,
            temperature_end_c=self._meter.gpu.temperature_c(),
        )


def integrate(samples: PowerSamples) -> tuple[float, float]:
    """Joules under the samples by the trapezoid rule, and the relative half-width (95 %) of having sampled no
    oftener.

    Each sample's distance from the line between its neighbours tells how much the power moves between
    samples; a sum of that many independent errors, each weighted with the time it stands for, has a normal
    error of

        sigma^2 = mean(distance^2 / (1 + a^2 + (1 - a)^2)),  a: place of the sample between its neighbours, 0
        to 1 half-width = 1.96 sigma sqrt(sum of weights^2)

    It is 0 for a ramp, and 1 (nothing is known) where fewer than three samples were taken.
    """
    joules = sum(
        (end_s - start_s) * (start_w + end_w) / 2 for (start_s, start_w), (end_s, end_w) in pairwise(samples)
    )
    if len(samples) < 3 or joules <= 0:
        return joules, 1.0
    variances, weights = [], [(samples[1][0] - samples[0][0]) / 2, (samples[-1][0] - samples[-2][0]) / 2]
    for (before_s, before_w), (at_s, at_w), (after_s, after_w) in zip(
        samples, samples[1:], samples[2:], strict=False
    ):
        place = (at_s - before_s) / (after_s - before_s)
        distance_w = at_w - (1 - place) * before_w - place * after_w
        variances.append(distance_w**2 / (1 + place**2 + (1 - place) ** 2))
        weights.append((after_s - before_s) / 2)
    return joules, NORMAL_95 * math.sqrt(
        statistics.mean(variances) * sum(weight**2 for weight in weights)
    ) / joules


def next_ticks(meters: Sequence[GpuMeter]) -> list[Tick | None]:
    """Each meter's counter at its next update, all awaited at once; null where a GPU has no counter."""
    waits = {
        number: 2 * meter.counter_period_s
        for number, meter in enumerate(meters)
        if meter.counter_period_s is not None
    }
    ticks: list[Tick | None] = [None] * len(meters)
    gpus = [meter.gpu for meter in meters]
    for number, tick in _ticks(
        {number: (gpus[number], patience_s) for number, patience_s in waits.items()}, meters[0].clock
    ):
        ticks[number] = tick
    return ticks


def _ticks(awaited: Mapping[int, tuple[NvmlGpu, float]], clock: Clock) -> Iterator[tuple[int, Tick]]:
    """Each GPU's counter just after its next update, or after so many seconds without one, by number as they
    come.
    """
    left = dict(awaited)
    before_j = {number: gpu.total_energy_j() for number, (gpu, _) in left.items()}
    began_s = clock.now_s()
    while left:
        clock.sleep(POLL_S)
        for number, (gpu, patience_s) in list(left.items()):
            joules, seconds = gpu.total_energy_j(), clock.now_s()
            if joules != before_j[number] or seconds > began_s + patience_s:
                del left[number]
                yield number, Tick(seconds, joules, missed=joules == before_j[number])


def _counter_period_s(gpu: NvmlGpu, clock: Clock) -> float | None:
    """Median time between updates of the energy counter; null where there is none or it stands still."""
    ticks: list[Tick] = []
    try:
        while len(ticks) <= PERIODS_TIMED:
            ticks += [tick for _, tick in _ticks({0: (gpu, COUNTER_PATIENCE_S)}, clock)]
            if ticks[-1].missed:
                return None
    except NotOfferedError:
        return None
    return statistics.median(end.seconds - start.seconds for start, end in pairwise(ticks))


def _power_source(gpu: NvmlGpu) -> tuple[Callable[[], float] | None, float]:
    """The call that gives this GPU's power in W (None: none does), and its resolution in time, s."""
    for power_w, resolution_s in (
        (gpu.instant_power_w, POWER_REFRESH_S),
        (gpu.usage_power_w, USAGE_AVERAGE_S),
    ):
        try:
            power_w()
        except NotOfferedError:
            continue
        return power_w, resolution_s
    return None, 0.0
