"""Joules of several GPUs that one model is laid on: each board's meters in a window of its own, added up."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from vlm_profiling.measure.meters.base import HOST_CLOCK, Clock, EnergyReading, MeterError
from vlm_profiling.measure.meters.gpu import NvmlGpu
from vlm_profiling.measure.meters.nvml import GpuMeter, GpuWindow, next_ticks

Result = TypeVar("Result")


class SeveralGpusMeter:
    """The energy meters of several GPUs. Raises MeterError, naming the board, when one of them has none, or
    MIG is on.
    """

    def __init__(self, gpus: Sequence[NvmlGpu], clock: Clock = HOST_CLOCK) -> None:
        self.clock = clock
        self.meters = [_named(gpu, lambda gpu=gpu: GpuMeter(gpu, clock)) for gpu in gpus]

    def start(self) -> SeveralGpusWindow:
        """Open every board's window on its own next tick; the work may begin when the last one is open."""
        return SeveralGpusWindow(self)


class SeveralGpusWindow:
    """Windows of several boards. Each opens and closes on its board's own tick, so each holds all of the work
    between.

    Ticks of two boards are apart by up to an update: the board that ticks first counts idle joules until the
    last one has ticked, and they come to its uncertainty as the tail after the work does.
    """

    def __init__(self, meter: SeveralGpusMeter) -> None:
        self._meter = meter
        ticks = next_ticks(meter.meters)
        self._windows = [GpuWindow(own, tick) for own, tick in zip(meter.meters, ticks, strict=True)]
        open_s = meter.clock.now_s()
        self._waited_s = [0.0 if tick is None else open_s - tick.seconds for tick in ticks]

    def sample(self) -> None:
        """Note the present power of every board."""
        for window in self._windows:
            window.sample()

    def finish(self) -> EnergyReading:
        """Close every window on its board's own next tick, and add up."""
        asked_s = self._meter.clock.now_s()
        ticks = next_ticks(self._meter.meters)
        awaited_s = self._meter.clock.now_s() - asked_s  # in which a board without a counter is sampled on
        readings = [
            window.close(tick, waited_s if tick else awaited_s)
            for window, tick, waited_s in zip(self._windows, ticks, self._waited_s, strict=True)
        ]
        return add_up(readings)


def add_up(readings: Sequence[EnergyReading]) -> EnergyReading:
    """The joules of several boards. What each may be off adds up, since all are off to the same side: by idle
    joules.
    """
    joules = sum(reading.joules for reading in readings)
    off_j = sum(reading.relative_uncertainty * reading.joules for reading in readings)
    seconds = [reading.second_meter_j for reading in readings if reading.second_meter_j is not None]
    return EnergyReading(
        meter=" and ".join(dict.fromkeys(reading.meter for reading in readings)),
        device=" + ".join(reading.device for reading in readings),
        seconds=max(reading.seconds for reading in readings),
        joules=joules,
        relative_uncertainty=off_j / joules if joules > 0 else 1.0,
        second_meter_j=sum(seconds) if len(seconds) == len(readings) else None,
        temperature_start_c=_hottest([reading.temperature_start_c for reading in readings]),
        temperature_end_c=_hottest([reading.temperature_end_c for reading in readings]),
        parts=tuple(readings),
    )


def _hottest(temperatures: Sequence[float | None]) -> float | None:
    return max((temperature for temperature in temperatures if temperature is not None), default=None)


def _named(gpu: NvmlGpu, act: Callable[[], Result]) -> Result:
    try:
        return act()
    except MeterError as error:
        raise MeterError(f"{gpu.uuid}: {error}") from None
