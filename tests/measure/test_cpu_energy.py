"""Joules of the processor packages, against counters that the test moves."""

from __future__ import annotations

import shutil
import threading
import time
from math import pi, sin
from pathlib import Path

import pytest
from fakes.nvml import true_joules
from fakes.powercap import RANGE_UJ, FakePowercap

from vlm_profiling.measure.meters.energy import Meters, open_meters
from vlm_profiling.measure.meters.nvml import integrate


def cpu_meters(powercap: FakePowercap) -> Meters:
    return open_meters("cpu", None, powercap=powercap.root)


def test_packages_and_dram_are_summed_and_named_and_nothing_is_counted_twice(tmp_path):
    powercap = FakePowercap(tmp_path)
    meters = cpu_meters(powercap)
    with meters.window() as window:
        powercap.add_joules("intel-rapl:0", 20)
        powercap.add_joules("intel-rapl:0:1", 3)
        powercap.add_joules("intel-rapl:1", 7)
        for part_or_whole in ("intel-rapl:0:0", "intel-rapl:2", "intel-rapl-mmio:0"):
            powercap.add_joules(part_or_whole, 1000)
        time.sleep(0.3)
    joules = meters.energy(window, samples=5, tokens=60).cpu

    assert meters.available
    assert joules is not None
    assert joules.gross_j == pytest.approx(30)
    assert joules.per_sample_j == pytest.approx(6)
    assert joules.per_token_j == pytest.approx(0.5)
    assert joules.meter == "RAPL package and DRAM"
    assert joules.device == "package-0, package-0 dram, package-1"
    assert joules.mean_w == pytest.approx(joules.gross_j / joules.window_s)
    assert joules.relative_uncertainty == pytest.approx(2 * 0.001 / joules.window_s)


def test_host_without_dram_counter_says_package_only(tmp_path):
    meters = cpu_meters(FakePowercap(tmp_path, {"intel-rapl:0": "package-0", "intel-rapl:0:0": "core"}))
    with meters.window() as window:
        time.sleep(0.01)
    joules = meters.energy(window, 1, 1).cpu

    assert joules is not None
    assert (joules.meter, joules.device, joules.gross_j) == ("RAPL package", "package-0", 0)


def test_counter_that_wraps_around_once_loses_nothing(tmp_path):
    powercap = FakePowercap(tmp_path, start_uj=RANGE_UJ - 2_000_000)
    meters = cpu_meters(powercap)
    with meters.window() as window:
        powercap.add_joules("intel-rapl:0", 5)

    assert window.readings["cpu"].joules == pytest.approx(5)


def test_counter_that_wraps_around_again_and_again_loses_nothing(tmp_path):
    powercap = FakePowercap(tmp_path)
    meters = cpu_meters(powercap)
    with meters.window() as window:
        for _ in range(3):
            powercap.add_joules("intel-rapl:1", 40_000)
            time.sleep(0.3)

    assert window.readings["cpu"].joules == pytest.approx(120_000)


def test_idle_power_is_subtracted_for_net_joules(tmp_path):
    powercap = FakePowercap(tmp_path)
    meters = cpu_meters(powercap)
    idle_use = threading.Timer(0.1, powercap.add_joules, ("intel-rapl:0", 4.0))
    idle_use.start()
    meters.idle(0.4)
    with meters.window() as window:
        powercap.add_joules("intel-rapl:0", 50)
        time.sleep(0.5)
    joules = meters.energy(window, 1, 1).cpu

    assert joules is not None
    assert joules.idle_w == pytest.approx(4 / 0.4, rel=0.1)
    assert joules.net_j == pytest.approx(50 - 10 * 0.5, rel=0.05)
    assert joules.gross_j == pytest.approx(50)


def test_no_idle_pass_leaves_net_joules_out(tmp_path):
    meters = cpu_meters(FakePowercap(tmp_path))
    meters.idle(0)
    with meters.window() as window:
        time.sleep(0.01)
    joules = meters.energy(window, 1, 1).cpu

    assert joules is not None
    assert joules.idle_w is None
    assert joules.net_j is None


def test_run_on_a_gpu_measures_the_cpu_too_but_has_no_meter_of_its_own(tmp_path):
    powercap = FakePowercap(tmp_path)
    meters = open_meters("cuda", None, powercap=tmp_path)
    with meters.window() as window:
        powercap.add_joules("intel-rapl:0", 9)
    energy = meters.energy(window, 1, 1)

    assert not meters.available
    assert energy.gpu is None
    assert energy.absent.keys() == {"gpu"}
    assert energy.cpu is not None
    assert energy.cpu.gross_j == pytest.approx(9)


def test_host_without_rapl_says_so_and_a_window_costs_nothing(tmp_path):
    meters = open_meters("cpu", None, powercap=tmp_path)
    threads = threading.active_count()
    with meters.window() as window:
        assert threading.active_count() == threads
        time.sleep(0.05)
        assert window.elapsed_s >= 0.05

    assert not meters.available
    assert meters.absent == {"gpu": "the run's device is cpu", "cpu": "no RAPL on this host"}
    assert meters.energy(window, 1, 1).cpu is None


def test_rapl_for_root_only_says_what_to_do(tmp_path, monkeypatch):
    powercap = FakePowercap(tmp_path)
    read_text = Path.read_text

    def read_as_user(path: Path) -> str:
        if path.name == "energy_uj":
            raise PermissionError(13, "Permission denied")
        return read_text(path)

    monkeypatch.setattr(Path, "read_text", read_as_user)

    assert "chmod a+r" in cpu_meters(powercap).absent["cpu"]


def test_rapl_that_vanishes_during_the_work_is_a_reason_and_no_crash(tmp_path):
    meters = cpu_meters(FakePowercap(tmp_path))
    with meters.window() as window:
        shutil.rmtree(tmp_path / "intel-rapl:1")
        time.sleep(0.25)
        assert not meters.available
    energy = meters.energy(window, 1, 1)

    assert energy.cpu is None
    assert (
        energy.absent["cpu"]
        == "the meter was lost during the run: RAPL stopped answering (FileNotFoundError)"
    )


def test_error_of_the_work_passes_through_and_stops_the_sampling(tmp_path):
    meters = cpu_meters(FakePowercap(tmp_path))
    threads = threading.active_count()

    with pytest.raises(MemoryError), meters.window():
        raise MemoryError
    assert threading.active_count() == threads


@pytest.mark.parametrize(("samples", "tokens"), [(0, 1), (1, 0)])
def test_joules_are_not_shared_among_nothing(tmp_path, samples, tokens):
    meters = cpu_meters(FakePowercap(tmp_path))
    with meters.window() as window:
        pass

    with pytest.raises(ValueError, match="at least 1 sample and 1 token"):
        meters.energy(window, samples, tokens)


def test_integral_of_a_ramp_is_exact():
    joules, error = integrate([(0.0, 100.0), (0.1, 110.0), (0.3, 130.0), (0.4, 140.0)])

    assert joules == pytest.approx(48.0)
    assert error == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("swing_s", [0.5, 0.7, 1.3, 4.0])
def test_integration_error_covers_what_a_swing_between_samples_costs(swing_s):
    phase_s = swing_s / 4  # the law starts at its lowest power, so that ends do not cancel
    samples = [(0.1 * n, 300 * (1 + 0.5 * sin(2 * pi * (0.1 * n - phase_s) / swing_s))) for n in range(26)]
    joules, error = integrate(samples)
    truth_j = true_joules(-phase_s, 2.5 - phase_s, 300, 0.5, swing_s)

    assert abs(joules - truth_j) <= error * joules


def test_integral_of_two_samples_claims_no_certainty():
    assert integrate([(0.0, 100.0), (1.0, 100.0)]) == (100.0, 1.0)
