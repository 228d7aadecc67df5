"""What the kernel tells of the processors while work runs: the clock, the load by others, the memory left.

Sources: proc(5) for /proc/stat, /proc/self/stat and MemAvailable; the kernel's
Documentation/admin-guide/pm/cpufreq for scaling_cur_freq. Everything here raises MeterError with a reason
where this machine does not tell.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path

from vlm_profiling.measure.meters.base import MeterError

PROC = Path("/proc")
CPUS = Path("/sys/devices/system/cpu")
LAST_CPU_FIELD = 39
"""Of /proc/self/stat: the core that the main thread last ran on."""
IDLE_FIELDS = (3, 4)
"""Of a line of /proc/stat: idle and waiting for a disk."""
TICKS = 8
"""Fields of a line of /proc/stat that make up a core's time (time of guests is in user's already)."""


def main_thread_clock_mhz() -> float:
    """Present clock of the core that runs the main thread: those without work clock down by themselves."""
    core = _main_thread_core()
    try:
        return int((CPUS / f"cpu{core}" / "cpufreq" / "scaling_cur_freq").read_text()) / 1e3
    except (OSError, ValueError):
        return _cpuinfo_clock_mhz(core)


def memory_available_bytes() -> float:
    """What new work could take without swapping, as the kernel estimates it."""
    for line in _read(PROC / "meminfo").splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024.0
    raise MeterError("this kernel does not tell MemAvailable")


@dataclass(frozen=True)
class BusyTime:
    """Seconds since some start, at one instant."""

    clock_s: float
    cores_s: float
    """Time that the cores this process may use were busy, or taken by the hypervisor; summed over cores."""
    own_s: float
    """Processor time of this process."""
    cores: int


def busy_time() -> BusyTime:
    """The present counts, which differ from one reading to the next by what happened in between."""
    usable = {f"cpu{core}" for core in os.sched_getaffinity(0)}
    lines = [line.split() for line in _read(PROC / "stat").splitlines() if line.startswith("cpu")]
    ticks = [[int(value) for value in values[:TICKS]] for name, *values in lines if name in usable]
    if not ticks:
        raise MeterError("this kernel does not tell how busy each core is")
    busy = sum(sum(core) - sum(core[field] for field in IDLE_FIELDS if field < len(core)) for core in ticks)
    return BusyTime(time.perf_counter(), busy / os.sysconf("SC_CLK_TCK"), time.process_time(), len(ticks))


def load_by_others(start: BusyTime, end: BusyTime) -> float:
    """Share of the usable cores' time between two readings, 0 to 1, that went to other processes.

    The kernel counts in ticks, usually 10 ms a core: what looks like less than nothing is none.
    """
    others_s = end.cores_s - start.cores_s - (end.own_s - start.own_s)
    return min(1.0, max(0.0, others_s / (end.clock_s - start.clock_s) / start.cores))


def _main_thread_core() -> int:
    after_name = (
        _read(PROC / "self" / "stat").rpartition(")")[2].split()
    )  # the name may hold anything; field 3 follows it
    try:
        return int(after_name[LAST_CPU_FIELD - 3])
    except (IndexError, ValueError):
        raise MeterError("this kernel does not tell on which core a thread runs") from None


def _cpuinfo_clock_mhz(core: int) -> float:
    at_core = False
    for line in _read(PROC / "cpuinfo").splitlines():
        key, _, value = line.partition(":")
        if key.strip() == "processor":
            at_core = value.strip() == str(core)
        elif at_core and key.strip() == "cpu MHz":
            return float(value)
    raise MeterError("this machine does not tell its processors' clock")


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError as error:
        raise MeterError(f"{path.name} cannot be read ({type(error).__name__})") from None
