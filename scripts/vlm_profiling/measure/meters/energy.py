"""Joules of one run: the meters of the device it runs on, windows over its work, and joules per sample and
token.

A meter that is missing, or that is lost on the way, is a reason in the record, never an error of the run.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from vlm_profiling.measure.meters.base import EnergyReading, Meter, MeterError, MeterWindow
from vlm_profiling.measure.meters.gpu import find_gpu, find_gpus
from vlm_profiling.measure.meters.multi_gpu import SeveralGpusMeter
from vlm_profiling.measure.meters.nvml import GpuMeter
from vlm_profiling.measure.meters.rapl import POWERCAP, RaplMeter
from vlm_profiling.measure.meters.sampler import SamplerOverhead, sampled
from vlm_profiling.record.machine import BoardJoules, Energy, Joules

Part = TypeVar("Part")
Result = TypeVar("Result")


class Window:
    """A stretch of time over which joules are counted. `seconds` and `readings` are set at its end."""

    def __init__(self) -> None:
        self.readings: dict[str, EnergyReading] = {}
        """By record field: gpu, cpu."""
        self.seconds = 0.0
        """From opening to closing, the wait for the closing tick left out."""
        self.sampler = SamplerOverhead()
        """What sampling in between cost; filled once it is closed."""
        self._opened_s = time.perf_counter()

    @property
    def elapsed_s(self) -> float:
        """Time since it was opened."""
        return time.perf_counter() - self._opened_s


class Meters:
    """What can measure the device this process runs on, and why the rest cannot."""

    def __init__(self, device: str, meters: dict[str, Meter], absent: dict[str, str]) -> None:
        self.absent = absent
        """Reasons of what cannot be measured, by record field: gpu, cpu."""
        self.own_field = "gpu" if device == "cuda" else "cpu"
        """The record field of the device that does the work."""
        self._meters = meters
        self._idle: dict[str, EnergyReading] = {}

    @property
    def available(self) -> bool:
        """Whether the device of the run has a meter, and has not lost it."""
        return self.own_field in self._meters

    def idle(self, seconds: float) -> None:
        """Measure the power of the idle device for `seconds`; for 0 none is measured, and net joules stay
        null.
        """
        if seconds == 0:
            return
        with self.window() as window:
            time.sleep(seconds)
        self._idle = dict(window.readings)

    @contextmanager
    def window(self, telemetry_sampler: Callable[[], None] | None = None) -> Iterator[Window]:
        """Count joules over a block whose work is finished, the device synchronised, at both of its ends.

        Opens and closes on a tick of the GPU's counter, each after at most two of its updates.
        `telemetry_sampler` is called at both ends, and in between by the thread that samples the meters.
        """
        running = self._each(dict(self._meters), lambda meter: meter.start())
        readers = [lambda: self._sample(running)] if running else []
        if telemetry_sampler:
            readers.append(telemetry_sampler)
            telemetry_sampler()
        window = Window()
        with sampled(readers) as window.sampler:
            yield window
            window.seconds = window.elapsed_s
        # the GPU last: it waits for a tick, in which the processor's counters would go on
        window.readings = self._each(
            dict(reversed(running.items())), lambda meter_window: meter_window.finish()
        )
        if telemetry_sampler:
            telemetry_sampler()

    def energy(self, window: Window, samples: int, tokens: int) -> Energy:
        """A closed window's joules, shared among all samples and all generated tokens of its work (both at
        least 1).
        """
        if samples < 1 or tokens < 1:
            raise ValueError(
                f"joules are shared among at least 1 sample and 1 token, not {samples} and {tokens}"
            )
        joules = {
            field: _joules(reading, self._idle.get(field), samples, tokens)
            for field, reading in window.readings.items()
        }
        return Energy(gpu=joules.get("gpu"), cpu=joules.get("cpu"), absent=dict(self.absent))

    def _each(self, parts: dict[str, Part], act: Callable[[Part], Result]) -> dict[str, Result]:
        """What `act` gives for every meter still there; one that fails is gone for the rest of the run."""
        results = {}
        for field, part in parts.items():
            if field not in self._meters:
                continue
            try:
                results[field] = act(part)
            except MeterError as error:
                del self._meters[field]
                self.absent[field] = f"the meter was lost during the run: {error}"
        return results

    def _sample(self, running: dict[str, MeterWindow]) -> None:
        self._each(running, lambda meter_window: meter_window.sample())


def open_meters(
    device: str, torch_device_index: int | None, powercap: Path = POWERCAP, gpus: int = 1
) -> Meters:
    """The meters of this process's device ("cuda" or "cpu"): its GPUs by UUID, and the processor's RAPL
    counters.

    Of several `gpus` the first is the one that torch gives that index; their joules are added up.

    A run on the CPU never reads a GPU's joules. A missing meter raises nothing; its reason stands in
    `absent`.
    """
    meters: dict[str, Meter] = {}
    absent: dict[str, str] = {}
    if device == "cuda":
        try:
            if gpus > 1:
                meters["gpu"] = SeveralGpusMeter(find_gpus(torch_device_index, gpus))
            else:
                meters["gpu"] = GpuMeter(find_gpu(torch_device_index))
        except MeterError as error:
            absent["gpu"] = str(error)
    else:
        absent["gpu"] = f"the run's device is {device}"
    try:
        meters["cpu"] = RaplMeter(powercap)
    except MeterError as error:
        absent["cpu"] = str(error)
    return Meters(device, meters, absent)


def _joules(reading: EnergyReading, idle: EnergyReading | None, samples: int, tokens: int) -> Joules:
    """Idle joules are subtracted board by board, each over its own window."""
    boards = [
        _board(*parts)
        for parts in zip(reading.each, idle.each if idle else [None] * len(reading.each), strict=True)
    ]
    net_j = [board.net_j for board in boards if board.net_j is not None]
    return Joules(
        meter=reading.meter,
        device=reading.device,
        window_s=reading.seconds,
        gross_j=reading.joules,
        net_j=sum(net_j) if net_j else None,
        idle_w=None if idle is None else idle.mean_w,
        mean_w=reading.mean_w,
        per_sample_j=reading.joules / samples,
        per_token_j=reading.joules / tokens,
        relative_uncertainty=reading.relative_uncertainty,
        second_meter_j=reading.second_meter_j,
        temperature_start_c=reading.temperature_start_c,
        temperature_end_c=reading.temperature_end_c,
        boards=boards if reading.parts else [],
    )


def _board(reading: EnergyReading, idle: EnergyReading | None) -> BoardJoules:
    return BoardJoules(
        meter=reading.meter,
        device=reading.device,
        window_s=reading.seconds,
        gross_j=reading.joules,
        net_j=None if idle is None else reading.joules - idle.mean_w * reading.seconds,
        idle_w=None if idle is None else idle.mean_w,
        relative_uncertainty=reading.relative_uncertainty,
        second_meter_j=reading.second_meter_j,
        temperature_start_c=reading.temperature_start_c,
        temperature_end_c=reading.temperature_end_c,
    )
