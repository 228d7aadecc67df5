"""Meters against boards and packages whose power is known at every instant, in a simulated time.

`simulate` runs in a process whose NVML is the stand-in library (fakes.nvml.run_with_library).
"""

from __future__ import annotations

import ctypes
import math
import os
import random
import tempfile
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import asdict, dataclass
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any

from fakes.nvml import RunWithNvml
from fakes.powercap import RANGE_UJ, FakePowercap

from vlm_profiling.measure.meters.base import Clock, EnergyReading, Meter, MeterError
from vlm_profiling.measure.meters.gpu import find_gpu, find_gpus
from vlm_profiling.measure.meters.multi_gpu import SeveralGpusMeter
from vlm_profiling.measure.meters.nvml import GpuMeter
from vlm_profiling.measure.meters.rapl import UPDATE_S, RaplMeter
from vlm_profiling.measure.meters.sampler import due_times_s

KINDS = (
    "counter",
    "counter, no power",
    "power alone",
    "averaged power alone",
    "counter stands still",
    "RAPL",
    "RAPL wraps",
    "MIG",
    "two boards, counter",
    "two boards, one without counter",
)
BEFORE_S, AFTER_S = 3.0, 3.0
"""Idle time before the meter's first look, and after the end of the work."""


@dataclass(frozen=True)
class Trial:
    """One window over one random course of power. Joules are null where the meter refused, with a reason."""

    kind: str
    seconds: float
    """Of the work."""
    true_j: float
    """Of the work, from its beginning to its end."""
    joules: float | None = None
    relative_uncertainty: float | None = None
    second_meter_j: float | None = None
    refused: str = ""

    @property
    def holds_truth(self) -> bool:
        """Whether the true joules lie within the stated uncertainty of the measured ones."""
        if self.joules is None or self.relative_uncertainty is None:
            return False
        return abs(self.joules - self.true_j) <= self.relative_uncertainty * self.joules


class Power:
    """Watts over time: straight lines between points, constant before and after them."""

    def __init__(self, points: list[tuple[float, float]]) -> None:
        self.times_s, self.watts = (list(values) for values in zip(*points, strict=True))
        steps = (
            (end_s - start_s) * (start_w + end_w) / 2
            for (start_s, start_w), (end_s, end_w) in pairwise(points)
        )
        self._joules = list(accumulate(steps, initial=0.0))

    def joules(self, until_s: float) -> float:
        """The integral from the first point to a time."""
        at = min(max(bisect_right(self.times_s, until_s) - 1, 0), len(self.times_s) - 2)
        since_s, step_s = until_s - self.times_s[at], self.times_s[at + 1] - self.times_s[at]
        if since_s > step_s:
            return self._joules[-1] + (since_s - step_s) * self.watts[-1]
        now_w = self.watts[at] + (self.watts[at + 1] - self.watts[at]) * since_s / step_s
        return self._joules[at] + since_s * (self.watts[at] + now_w) / 2


class Simulated:
    """A clock that goes on when somebody sleeps, a little longer than asked, and that the stand-in library
    shares.
    """

    def __init__(self, draw: random.Random, renew: Callable[[float], None] = lambda now_s: None) -> None:
        """`renew` is told the time whenever it has changed."""
        self._draw, self._renew = draw, renew
        self._library = ctypes.CDLL("libnvidia-ml.so.1")
        self._now = ctypes.c_double.in_dll(self._library, "fake_nvml_clock_s")
        self._now.value = 1.0
        self.clock = Clock(lambda: self._now.value, self.sleep)

    def sleep(self, seconds: float) -> None:
        self._now.value += seconds + self._draw.uniform(5e-5, 3e-4)
        self._renew(self._now.value)

    def draw_power(self, board: int, power: Power) -> None:
        values = ctypes.c_double * len(power.times_s)
        self._library.fake_nvml_trace(board, len(power.times_s), values(*power.times_s), values(*power.watts))


def random_power(draw: random.Random, start_s: float, work_s: float) -> Power:
    """Idle, then batches of a quiet preparation, a peak and a rippling decode, then down to idle again."""
    limit_w = draw.uniform(70, 700)
    idle_w, peak_w, decode_w = (
        limit_w * draw.uniform(*share) for share in ((0.05, 0.3), (0.6, 1.0), (0.3, 0.8))
    )
    ripple, step_s = draw.uniform(0, 0.3), draw.uniform(0.01, 0.06)
    prepare_s, peak_s, decode_s = draw.uniform(0.0, 0.2), draw.uniform(0.01, 0.3), draw.uniform(0.05, 2.0)
    drift = draw.uniform(-0.1, 0.1)
    points, now = [(0.0, idle_w)], start_s
    end_s = start_s + work_s

    def ramp_to(watts: float) -> None:
        nonlocal now
        points.append((now, points[-1][1]))
        now += draw.uniform(1e-3, 2e-2)
        points.append((now, watts * (1 + drift * (now - start_s) / work_s)))

    while now < end_s:
        if prepare_s > 0.05:
            ramp_to(idle_w * 1.2)
            now += prepare_s * draw.uniform(0.8, 1.2)
        ramp_to(peak_w)
        now += peak_s * draw.uniform(0.8, 1.2)
        decoded_s = now + decode_s * draw.uniform(0.5, 1.5)
        while now < min(decoded_s, end_s):
            ramp_to(decode_w * draw.uniform(1, 1 + ripple))
            now += step_s
    points = [point for point in points if point[0] < end_s]
    points.append((end_s, points[-1][1]))
    lag_s = draw.uniform(1e-3, 5e-2)
    return Power([*points, (end_s + lag_s, idle_w * 1.3), (end_s + AFTER_S, idle_w)])


def gpu_trial(kind: str, draw: random.Random) -> Trial:
    """A window on the second of two boards, which CUDA_VISIBLE_DEVICES puts first, or on both; each has a
    power of its own.
    """
    several = kind.startswith("two boards")
    os.environ |= {
        "FAKE_NVML_WATTS": "100,300",
        "FAKE_NVML_UPDATE_MS": "0" if kind == "counter stands still" else str(draw.uniform(20, 100)),
        "FAKE_NVML_UPDATE_MS_0": str(draw.uniform(20, 100)),
        "FAKE_NVML_MISSING_0": "energy" if kind == "two boards, one without counter" else "",
        "FAKE_NVML_POWER_MS": str(draw.uniform(20, 100)),
        "FAKE_NVML_USAGE_S": "1",
        "FAKE_NVML_MIG": str(draw.choice((1, 2)) if kind == "MIG" else 0),
        "FAKE_NVML_MISSING": {
            "counter, no power": "instant usage",
            "power alone": "energy",
            "averaged power alone": "energy instant",
        }.get(kind, ""),
        "CUDA_VISIBLE_DEVICES": "1,0",
        "CUDA_DEVICE_ORDER": "PCI_BUS_ID",
    }
    simulated = Simulated(draw)
    start_s, work_s = BEFORE_S + draw.uniform(0, 1), draw.uniform(10, 12)
    power, other = (random_power(draw, start_s, work_s) for _ in range(2))
    simulated.draw_power(1, power)
    simulated.draw_power(0, other)
    try:
        meter = (
            SeveralGpusMeter(find_gpus(None, 2), simulated.clock)
            if several
            else GpuMeter(find_gpu(None), simulated.clock)
        )
    except MeterError as error:
        return Trial(kind, work_s, power.joules(start_s + work_s) - power.joules(start_s), refused=str(error))
    reading, began_s, ended_s = measure(meter, simulated, start_s, work_s)
    return trial_of(kind, [power, other] if several else [power], reading, began_s, ended_s)


def trial_of(kind: str, powers: list[Power], reading: EnergyReading, began_s: float, ended_s: float) -> Trial:
    true_j = sum(power.joules(ended_s) - power.joules(began_s) for power in powers)
    return Trial(
        kind, ended_s - began_s, true_j, reading.joules, reading.relative_uncertainty, reading.second_meter_j
    )


def measure(
    meter: Meter, simulated: Simulated, start_s: float, work_s: float
) -> tuple[EnergyReading, float, float]:
    """A window that is opened as the work is about to begin, and sampled until it ends; with the times of
    both ends.
    """
    simulated.sleep(start_s - simulated.clock.now_s() - 0.15)  # a tick is at most 0.1 s away
    window = meter.start()
    began_s = simulated.clock.now_s()
    ended_s = start_s + work_s
    for due_s in due_times_s():
        if began_s + due_s >= ended_s:
            break
        simulated.sleep(max(0.0, began_s + due_s - simulated.clock.now_s()))
        window.sample()
    simulated.sleep(max(0.0, ended_s - simulated.clock.now_s()))
    ended_s = simulated.clock.now_s()
    return window.finish(), began_s, ended_s


PACKAGES = {"intel-rapl:0": 0.5, "intel-rapl:0:1": 0.1, "intel-rapl:1": 0.4}
"""Share of the power of each zone."""


class PowercapInTime(FakePowercap):
    """Two packages, whose counters are renewed every millisecond; the first has DRAM, a fifth of its own
    power.
    """

    def __init__(self, root: Path, start_uj: int) -> None:
        names = {"intel-rapl:0": "package-0", "intel-rapl:0:1": "dram", "intel-rapl:1": "package-1"}
        super().__init__(root, names, start_uj)
        self._told_j = 0.0

    def tell(self, joules: float) -> None:
        """Move every zone to its share of the joules since the beginning."""
        for zone, share in PACKAGES.items():
            self.add_joules(zone, share * (joules - self._told_j))
        self._told_j = joules


def rapl_trial(kind: str, draw: random.Random) -> Trial:
    """A window on two packages; where they wrap, the counters start just below their range."""
    start_s, work_s = BEFORE_S, draw.uniform(10, 12)
    power = random_power(draw, start_s, work_s)
    with tempfile.TemporaryDirectory() as folder:
        start_uj = (
            RANGE_UJ - round(draw.uniform(1, 200) * 1e6) if kind == "RAPL wraps" else draw.randrange(10**9)
        )
        powercap = PowercapInTime(Path(folder), start_uj)
        simulated = Simulated(
            draw, lambda now_s: powercap.tell(power.joules(math.floor(now_s / UPDATE_S) * UPDATE_S))
        )
        reading, began_s, ended_s = measure(
            RaplMeter(Path(folder), simulated.clock), simulated, start_s, work_s
        )
    return trial_of(kind, [power], reading, began_s, ended_s)


def trials(number: int, seed: int) -> list[Trial]:
    """Random windows, every kind of meter in turn."""
    draw = random.Random(seed)
    kinds = [KINDS[n % len(KINDS)] for n in range(number)]
    return [rapl_trial(kind, draw) if kind.startswith("RAPL") else gpu_trial(kind, draw) for kind in kinds]


def simulate(run_with_nvml: RunWithNvml, number: int, seed: int) -> list[Trial]:
    """The same in a process that finds the stand-in library."""
    code = "import json, sys; from fakes.energy_truth import plain; "
    code += f"json.dump(plain({number}, {seed}), sys.stdout)"
    return [Trial(**trial) for trial in run_with_nvml(code, {}, real_time=True)]


def plain(number: int, seed: int) -> list[dict[str, Any]]:
    """The trials as JSON takes them."""
    return [asdict(trial) for trial in trials(number, seed)]
