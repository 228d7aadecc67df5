"""Telemetry of what is measured: clocks, temperature, power, utilisation, limits of the clocks, and what else the machine did.

A quantity that is not offered, or lost on the way, is null with a reason; nothing here raises.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from statistics import fmean
from typing import TypeAlias, TypeVar

from vlm_profiling.measure.gpu import NotOfferedError, NvmlGpu, find_gpu
from vlm_profiling.measure.meters import MeterError
from vlm_profiling.measure.processors import BusyTime, busy_time, load_by_others, main_thread_clock_mhz, memory_available_bytes
from vlm_profiling.measure.sampler import SamplerCost, sampled
from vlm_profiling.record.telemetry import ClockCourse, MemoryCourse, PowerCourse, ShareCourse, Telemetry, TemperatureCourse

CLOCK_LIMITS = {
    0x1: "gpu_idle",
    0x2: "application_clocks",
    0x4: "sw_power_cap",
    0x8: "hw_slowdown",
    0x10: "sync_boost",
    0x20: "sw_thermal_slowdown",
    0x40: "hw_thermal_slowdown",
    0x80: "hw_power_brake",
    0x100: "display_clocks",
    0x200: "board_limit",
    0x400: "reliability",
}
"""Bits of nvmlClocksEventReasons (NVML API reference, section Clock Event Reasons)."""
LOAD_EVERY_S = 0.25
"""Time over which the load is taken: 25 of the kernel's ticks of 10 ms."""

Probe: TypeAlias = Callable[[], float]
Course = TypeVar("Course", ClockCourse, TemperatureCourse, PowerCourse, ShareCourse, MemoryCourse)


class Watch:
    """The quantities of one run, and their samples so far. `sample` may be called from one thread at a time."""

    def __init__(self, gpu: NvmlGpu | str) -> None:
        """`gpu`: the run's, or why there is none to watch."""
        self._absent: dict[str, str] = {}
        self._probes: dict[str, Probe] = {"cpu_clock": main_thread_clock_mhz, "memory_available": memory_available_bytes}
        self._limits: Callable[[], int] | None = None
        if isinstance(gpu, str):
            self._absent["gpu"] = gpu
        else:
            self._probes |= _gpu_probes(gpu)
            self._limits = gpu.clock_reasons
        self.costs: list[SamplerCost] = []
        """Of the threads that called `sample`."""
        self._values: dict[str, list[float]] = {}
        self._reasons: list[int] = []
        self._loads: list[BusyTime] = []
        self._times: list[float] = []

    def sample(self) -> None:
        """Read everything once."""
        self._times.append(time.perf_counter())
        for name, probe in list(self._probes.items()):
            try:
                self._values.setdefault(name, []).append(probe())
            except MeterError as error:
                self._lose(name, error)
        if self._limits:
            try:
                self._reasons.append(self._limits())
            except MeterError as error:
                self._limits = None
                self._absent["clock_limits"] = str(error)
        if "load_by_others" not in self._absent and (
            not self._loads or self._times[-1] - self._loads[-1].clock_s >= LOAD_EVERY_S
        ):
            try:
                self._loads.append(busy_time())
            except MeterError as error:
                self._absent["load_by_others"] = str(error)

    @contextmanager
    def over(self) -> Iterator[None]:
        """Sample over one more block, in a thread of its own."""
        with sampled([self.sample]) as cost:
            yield
        self.sample()
        self.costs.append(cost)

    def telemetry(self) -> Telemetry:
        """The summary of at least two samples, so far."""
        duration_s = self._times[-1] - self._times[0]
        values = {name: self._values[name] for name in self._probes}
        loads = [load_by_others(start, end) for start, end in pairwise(self._loads)]
        absent = dict(self._absent)
        if not loads:
            absent.setdefault("load_by_others", f"{duration_s:.2f} s are too short for the kernel's ticks of 10 ms")
        return Telemetry(
            n=len(self._times),
            duration_s=duration_s,
            interval_s=duration_s / (len(self._times) - 1),
            missed=sum(cost.missed for cost in self.costs),
            sampler_cpu_s=sum(cost.cpu_s for cost in self.costs),
            sm_clock=_course(ClockCourse, "_mhz", values.get("sm_clock")),
            memory_clock=_course(ClockCourse, "_mhz", values.get("memory_clock")),
            temperature=_course(TemperatureCourse, "_c", values.get("temperature")),
            power=_course(PowerCourse, "_w", values.get("power")),
            utilisation=_course(ShareCourse, "", values.get("utilisation")),
            clock_limits=_shares(self._reasons) if self._limits else None,
            cpu_clock=_course(ClockCourse, "_mhz", values.get("cpu_clock")),
            load_by_others=_course(ShareCourse, "", None if "load_by_others" in absent else loads),
            memory_available=_course(MemoryCourse, "_bytes", values.get("memory_available")),
            absent=absent,
        )

    def _lose(self, name: str, error: MeterError) -> None:
        """Give a quantity up: a summary of a part of the pass would pass for the whole."""
        del self._probes[name]
        self._absent[name] = str(error) if len(self._times) == 1 else f"lost during the pass: {error}"


def open_watch(device: str, torch_device_index: int | None) -> Watch:
    """What can be watched of this process's device ("cuda" or "cpu") and of the machine. Raises nothing."""
    if device != "cuda":
        return Watch(f"the run's device is {device}")
    try:
        return Watch(find_gpu(torch_device_index))
    except MeterError as error:
        return Watch(str(error))


def _gpu_probes(gpu: NvmlGpu) -> dict[str, Probe]:
    return {
        "sm_clock": gpu.sm_clock_mhz,
        "memory_clock": gpu.memory_clock_mhz,
        "temperature": lambda: _present(gpu.temperature_c()),
        "power": _not_told_under_mig if gpu.is_divided() else lambda: _power_w(gpu),
        "utilisation": gpu.utilisation,
    }


def _not_told_under_mig() -> float:
    raise MeterError("MIG is on: NVML gives the power of the whole board")


def _power_w(gpu: NvmlGpu) -> float:
    try:
        return gpu.instant_power_w()
    except NotOfferedError:
        return gpu.usage_power_w()


def _present(value: float | None) -> float:
    if value is None:
        raise MeterError("NVML does not offer it")
    return value


def _course(kind: type[Course], unit: str, values: Sequence[float] | None) -> Course | None:
    if not values:
        return None
    summary = {"mean": fmean(values), "min": min(values), "max": max(values), "first": values[0], "last": values[-1]}
    return kind(**{name + unit: value for name, value in summary.items()})


def _shares(samples: Sequence[int]) -> dict[str, float]:
    """Share of the samples in which each bit is set, those that never are left out."""
    seen = Counter(name for reasons in samples for bit, name in CLOCK_LIMITS.items() if reasons & bit)
    return {name: seen[name] / len(samples) for name in CLOCK_LIMITS.values() if name in seen}
