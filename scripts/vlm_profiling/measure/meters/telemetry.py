"""Telemetry of what is measured: clocks, temperature, power, utilisation, limits of the clocks, and what else
the machine did.

A quantity that is not offered, or lost on the way, is null with a reason; nothing here raises.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import reduce
from itertools import pairwise
from operator import or_
from statistics import fmean
from typing import Any, TypeAlias, TypeVar

from vlm_profiling.measure.environment.processors import (
    BusyTime,
    busy_time,
    load_by_others,
    main_thread_clock_mhz,
    memory_available_bytes,
)
from vlm_profiling.measure.meters.base import MeterError
from vlm_profiling.measure.meters.gpu import NotOfferedError, NvmlGpu, find_gpus
from vlm_profiling.measure.meters.sampler import SamplerOverhead, sampled
from vlm_profiling.record.absent import Absent
from vlm_profiling.record.telemetry import (
    BoardTelemetry,
    ClockStats,
    MemoryStats,
    PowerStats,
    ShareStats,
    Telemetry,
    TemperatureStats,
)

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
Stats = TypeVar("Stats", ClockStats, TemperatureStats, PowerStats, ShareStats, MemoryStats)


OF_SEVERAL: dict[str, Callable[[Sequence[float]], float]] = {
    "sm_clock": fmean,
    "memory_clock": fmean,
    "temperature": max,
    "power": sum,
    "utilisation": fmean,
}
"""What a quantity of several GPUs comes to at one moment."""


class TelemetrySampler:
    """The quantities of one run, and their samples so far. One thread at a time may call `sample`."""

    def __init__(self, gpus: Sequence[NvmlGpu] | Absent) -> None:
        """`gpus`: those of the run, or why there are none to sample."""
        self._absent: dict[str, str] = {}
        self._probes: dict[str, Probe] = {
            "cpu_clock": main_thread_clock_mhz,
            "memory_available": memory_available_bytes,
        }
        self._gpus: Sequence[NvmlGpu] = ()
        if isinstance(gpus, Absent):
            self._absent["gpu"] = gpus.reason
        else:
            self._gpus = gpus
        probes = list(map(_gpu_probes, self._gpus))
        self._gpu_probes = {name: [own[name] for own in probes] for name in OF_SEVERAL} if probes else {}
        self._limits = [gpu.clock_reasons for gpu in self._gpus]
        self.overheads: list[SamplerOverhead] = []
        """Of the threads that called `sample`."""
        self._values: dict[str, list[float]] = {}
        self._gpu_values: dict[str, list[list[float]]] = {}
        """By quantity, one list a moment: a value of each GPU."""
        self._reasons: list[list[int]] = []
        self._loads: list[BusyTime] = []
        self._times: list[float] = []

    def sample(self) -> None:
        """Read everything once."""
        self._times.append(time.perf_counter())
        for name, probe in list(self._probes.items()):
            try:
                self._values.setdefault(name, []).append(probe())
            except MeterError as error:
                self._lose(name, error, self._probes)
        for name, probes in list(self._gpu_probes.items()):
            try:
                self._gpu_values.setdefault(name, []).append([own() for own in probes])
            except MeterError as error:
                self._lose(name, error, self._gpu_probes)
        if self._limits:
            try:
                self._reasons.append([limits() for limits in self._limits])
            except MeterError as error:
                self._limits = []
                self._absent["clock_limits"] = str(error)
        if "load_by_others" not in self._absent and (
            not self._loads or self._times[-1] - self._loads[-1].clock_s >= LOAD_EVERY_S
        ):
            try:
                self._loads.append(busy_time())
            except MeterError as error:
                self._absent["load_by_others"] = str(error)

    @contextmanager
    def sampling(self) -> Iterator[None]:
        """Sample over one more block, in a thread of its own."""
        with sampled([self.sample]) as overhead:
            yield
        self.sample()
        self.overheads.append(overhead)

    def telemetry(self) -> Telemetry:
        """The summary of at least two samples, so far."""
        duration_s = self._times[-1] - self._times[0]
        values = {name: self._values[name] for name in self._probes}
        values |= {name: list(map(OF_SEVERAL[name], self._gpu_values[name])) for name in self._gpu_probes}
        loads = [load_by_others(start, end) for start, end in pairwise(self._loads)]
        absent = dict(self._absent)
        if not loads:
            absent.setdefault(
                "load_by_others", f"{duration_s:.2f} s are too short for the kernel's ticks of 10 ms"
            )
        return Telemetry(
            n=len(self._times),
            duration_s=duration_s,
            interval_s=duration_s / (len(self._times) - 1),
            missed=sum(one.missed for one in self.overheads),
            sampler_cpu_s=sum(one.cpu_s for one in self.overheads),
            **_gpu_stats(values),
            clock_limits=_shares([reduce(or_, reasons) for reasons in self._reasons])
            if self._limits
            else None,
            cpu_clock=_stats(ClockStats, "_mhz", values.get("cpu_clock")),
            load_by_others=_stats(ShareStats, "", None if "load_by_others" in absent else loads),
            memory_available=_stats(MemoryStats, "_bytes", values.get("memory_available")),
            boards=[self._board(number, gpu) for number, gpu in enumerate(self._gpus)]
            if len(self._gpus) > 1
            else [],
            absent=absent,
        )

    def _board(self, number: int, gpu: NvmlGpu) -> BoardTelemetry:
        values = {name: [moment[number] for moment in self._gpu_values[name]] for name in self._gpu_probes}
        return BoardTelemetry(
            device=gpu.uuid,
            **_gpu_stats(values),
            clock_limits=_shares([reasons[number] for reasons in self._reasons]) if self._limits else None,
        )

    def _lose(self, name: str, error: MeterError, probes: dict[str, Any]) -> None:
        """Give a quantity up: a summary of a part of the pass would pass for the whole."""
        del probes[name]
        self._absent[name] = str(error) if len(self._times) == 1 else f"lost during the pass: {error}"


def open_telemetry(device: str, torch_device_index: int | None, gpus: int = 1) -> TelemetrySampler:
    """The sampler of this process's device ("cuda", of which `gpus` from an index on, or "cpu") and
    of the machine.

    Raises nothing.
    """
    if device != "cuda":
        return TelemetrySampler(Absent(f"the run's device is {device}"))
    try:
        return TelemetrySampler(find_gpus(torch_device_index, gpus))
    except MeterError as error:
        return TelemetrySampler(Absent(str(error)))


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


def _gpu_stats(values: Mapping[str, Sequence[float]]) -> dict[str, Any]:
    """Fields of a GPU's telemetry, of one board or of all together, from the values of each quantity."""
    return {
        "sm_clock": _stats(ClockStats, "_mhz", values.get("sm_clock")),
        "memory_clock": _stats(ClockStats, "_mhz", values.get("memory_clock")),
        "temperature": _stats(TemperatureStats, "_c", values.get("temperature")),
        "power": _stats(PowerStats, "_w", values.get("power")),
        "utilisation": _stats(ShareStats, "", values.get("utilisation")),
    }


def _stats(kind: type[Stats], unit: str, values: Sequence[float] | None) -> Stats | None:
    if not values:
        return None
    summary = {
        "mean": fmean(values),
        "min": min(values),
        "max": max(values),
        "first": values[0],
        "last": values[-1],
    }
    return kind(**{name + unit: value for name, value in summary.items()})


def _shares(samples: Sequence[int]) -> dict[str, float]:
    """Share of the samples in which each bit is set, those that never are left out."""
    seen = Counter(name for reasons in samples for bit, name in CLOCK_LIMITS.items() if reasons & bit)
    return {name: seen[name] / len(samples) for name in CLOCK_LIMITS.values() if name in seen}
