"""What is told of the machine while it works, against boards and kernels that are known."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from fakes.nvml import RunWithNvml

from vlm_profiling.measure.environment import processors
from vlm_profiling.measure.environment.processors import BusyTime, load_by_others, main_thread_clock_mhz
from vlm_profiling.measure.meters.base import MeterError
from vlm_profiling.measure.meters.sampler import SAMPLE_S, SamplerOverhead, due_times_s, sampled
from vlm_profiling.measure.meters.telemetry import TelemetrySampler, open_telemetry
from vlm_profiling.measure.request import RunRequest
from vlm_profiling.measure.run import profile
from vlm_profiling.record.telemetry import Telemetry

WATCHED = """
import json, sys, time
import msgspec
from vlm_profiling.measure.meters.telemetry import open_telemetry
sampler = open_telemetry("cuda", None)
sampler.sample()
with sampler.sampling():
    time.sleep({seconds})
json.dump(msgspec.to_builtins(sampler.telemetry()), sys.stdout)
"""


def watched(run: RunWithNvml, seconds: float = 0.55, **settings: object) -> Telemetry:
    return msgspec.convert(run(WATCHED.format(seconds=seconds), {}, **settings), Telemetry)


def over(seconds: float, telemetry_sampler: TelemetrySampler) -> Telemetry:
    telemetry_sampler.sample()
    with telemetry_sampler.sampling():
        time.sleep(seconds)
    return telemetry_sampler.telemetry()


def test_quantities_of_a_board_are_sampled_ten_times_a_second(run_with_nvml: RunWithNvml) -> None:
    telemetry = watched(run_with_nvml, seconds=1.05, watts="300", swing=0.5, swing_s=0.4)

    assert telemetry.n == pytest.approx(12, abs=2)
    assert telemetry.interval_s == pytest.approx(telemetry.duration_s / (telemetry.n - 1))
    assert telemetry.sm_clock and (telemetry.sm_clock.min_mhz, telemetry.sm_clock.max_mhz) == (1980, 1980)
    assert telemetry.memory_clock and telemetry.memory_clock.mean_mhz == 2619
    assert telemetry.temperature and telemetry.temperature.last_c == 55
    assert telemetry.utilisation and telemetry.utilisation.mean == pytest.approx(0.9)
    assert telemetry.power and 150 <= telemetry.power.min_w < 250 and 350 < telemetry.power.max_w <= 450
    assert telemetry.clock_limits == {}
    assert telemetry.memory_available and telemetry.memory_available.min_bytes > 2**20
    assert "gpu" not in telemetry.absent


def test_a_throttled_clock_is_told_with_its_reasons(run_with_nvml: RunWithNvml) -> None:
    telemetry = watched(run_with_nvml, seconds=1.05, throttled="0.5:1200:72")  # 8 + 64

    assert telemetry.sm_clock and (telemetry.sm_clock.first_mhz, telemetry.sm_clock.last_mhz) == (1980, 1200)
    assert telemetry.clock_limits and telemetry.clock_limits.keys() == {"hw_slowdown", "hw_thermal_slowdown"}
    assert telemetry.clock_limits["hw_slowdown"] == pytest.approx(0.5, abs=0.25)


def test_what_a_board_does_not_offer_is_null_with_a_reason(run_with_nvml: RunWithNvml) -> None:
    telemetry = watched(run_with_nvml, missing="instant usage utilisation clocks reasons")

    assert (
        telemetry.sm_clock
        is telemetry.memory_clock
        is telemetry.power
        is telemetry.utilisation
        is telemetry.clock_limits
        is None
    )
    assert {"sm_clock", "memory_clock", "power", "utilisation", "clock_limits"} <= telemetry.absent.keys()
    assert telemetry.temperature and telemetry.temperature.mean_c == 55


def test_power_of_a_divided_board_is_not_that_of_the_run(run_with_nvml: RunWithNvml) -> None:
    telemetry = watched(run_with_nvml, mig=1)

    assert telemetry.power is None and telemetry.absent["power"].startswith("MIG is on")


def test_a_board_lost_on_the_way_is_a_reason_and_no_crash(run_with_nvml: RunWithNvml) -> None:
    telemetry = watched(run_with_nvml, lost_s=0.3)

    assert telemetry.sm_clock is None and telemetry.clock_limits is None
    assert telemetry.absent["sm_clock"] == "lost during the pass: NVML says: GPU is lost"


def test_a_run_on_the_cpu_watches_no_gpu() -> None:
    telemetry = over(0.3, open_telemetry("cpu", None))

    assert telemetry.absent["gpu"] == "the run's device is cpu"
    assert telemetry.sm_clock is None and telemetry.clock_limits is None
    assert telemetry.memory_available


def test_a_pass_too_short_for_the_kernels_ticks_tells_no_load_until_others_follow() -> None:
    telemetry_sampler = open_telemetry("cpu", None)
    short = over(0.01, telemetry_sampler)

    assert short.load_by_others is None and "too short" in short.absent["load_by_others"]
    longer = over(0.4, telemetry_sampler)
    assert longer.load_by_others and "load_by_others" not in longer.absent
    assert longer.n > short.n and longer.duration_s > short.duration_s + 0.4


def test_a_busy_process_beside_is_load_by_others() -> None:
    cores = os.sched_getaffinity(0)
    core = min(cores)
    os.sched_setaffinity(0, {core})
    busy = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        time.sleep(0.2)
        telemetry = over(1.0, open_telemetry("cpu", None))
    finally:
        busy.kill()
        busy.wait()
        os.sched_setaffinity(0, cores)

    assert telemetry.load_by_others and telemetry.load_by_others.mean > 0.8


def test_own_work_is_no_load_by_others() -> None:
    start = BusyTime(clock_s=10.0, cores_s=100.0, own_s=5.0, cores=2)
    end = BusyTime(clock_s=12.0, cores_s=103.0, own_s=7.0, cores=2)

    assert load_by_others(start, end) == pytest.approx((3 - 2) / 4)
    assert load_by_others(start, BusyTime(12.0, 101.9, 7.0, 2)) == 0


def test_clock_is_that_of_the_core_of_the_main_thread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "self").mkdir()
    fields = ["0"] * 52
    fields[0], fields[1], fields[38] = "1", "(a name) (with spaces", "1"
    (tmp_path / "self" / "stat").write_text(" ".join(fields).replace("spaces", "spaces)"))
    (tmp_path / "cpuinfo").write_text("processor : 0\ncpu MHz : 800.0\n\nprocessor : 1\ncpu MHz : 3500.5\n")
    monkeypatch.setattr(processors, "PROC", tmp_path)
    monkeypatch.setattr(processors, "CPUS", tmp_path)
    assert main_thread_clock_mhz() == 3500.5

    (tmp_path / "cpu1" / "cpufreq").mkdir(parents=True)
    (tmp_path / "cpu1" / "cpufreq" / "scaling_cur_freq").write_text("2400000\n")
    assert main_thread_clock_mhz() == 2400

    (tmp_path / "self" / "stat").unlink()
    with pytest.raises(MeterError, match="cannot be read"):
        main_thread_clock_mhz()


def test_samples_are_due_once_in_each_tenth_of_a_second_and_never_in_step() -> None:
    due = [time_s for time_s, _ in zip(due_times_s(), range(1000), strict=False)]

    assert [int(time_s / SAMPLE_S + 0.5) for time_s in due] == list(range(1, 1001))
    places = [time_s / SAMPLE_S % 1 for time_s in due]
    for step in (
        2,
        3,
        4,
        5,
    ):  # of work that repeats itself in step with the samples, every part is seen equally often
        assert sum(place * step % 1 < 0.5 for place in places) == pytest.approx(500, abs=10)


def test_the_sampler_sleeps_and_tells_what_it_cost_and_missed() -> None:
    calls: list[float] = []

    def slow_once() -> None:
        calls.append(time.perf_counter())
        if len(calls) == 2:
            time.sleep(0.45)

    threads = threading.active_count()
    began_s = time.perf_counter()
    with sampled([slow_once]) as cost:
        time.sleep(1.05)
    lasted_s = time.perf_counter() - began_s
    assert threading.active_count() == threads
    assert cost.missed >= 2
    assert len(calls) + cost.missed <= lasted_s / SAMPLE_S + 1
    assert cost.cpu_s < 0.05


def test_no_reader_needs_no_thread() -> None:
    threads = threading.active_count()
    with sampled([]) as cost:
        assert threading.active_count() == threads
    assert cost == SamplerOverhead(cpu_s=0.0, missed=0)


def test_a_run_records_its_telemetry(request_for: Callable[..., RunRequest]) -> None:
    record: Any = profile(request_for())

    assert record.telemetry.n >= 2
    seconds = [batch.generate_s for batch in record.batches] + [
        s for one in record.repeats.seconds[1:] for s in one
    ]
    assert record.telemetry.duration_s > sum(seconds)
    assert record.telemetry.sampler_cpu_s < 0.1 * record.telemetry.duration_s
