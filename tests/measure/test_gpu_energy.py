"""Joules of a GPU, against boards whose power is known at every instant."""

from __future__ import annotations

import pytest
from fakes.nvml import RunWithNvml, true_joules

WINDOW = """
import json, sys, threading, time
from pathlib import Path
import msgspec
from vlm_profiling.measure.meters.energy import open_meters

meters = open_meters("cuda", None, powercap=Path("nowhere"))
asked_s = time.perf_counter()
with meters.window() as window:
    start_s = time.perf_counter()
    time.sleep({seconds})
    end_s = time.perf_counter()
closed_s = time.perf_counter()
energy = msgspec.to_builtins(meters.energy(window, samples=4, tokens=20))
json.dump({{
    "gpu": energy.get("gpu"), "absent": energy["absent"], "available": meters.available,
    "seconds": window.seconds,
    "start_s": start_s, "end_s": end_s, "wait_s": start_s - asked_s + closed_s - end_s,
    "threads": threading.active_count(),
}}, sys.stdout)
"""


def run_window(
    run: RunWithNvml, seconds: float = 0.5, environment: dict[str, str] | None = None, **settings: object
):
    return run(WINDOW.format(seconds=seconds), environment or {}, **settings)


@pytest.mark.parametrize("update_ms", [20, 100])
@pytest.mark.parametrize("swing", [0.0, 0.4])
def test_counter_holds_the_work_and_at_most_one_update_more(run_with_nvml, update_ms, swing):
    result = run_window(run_with_nvml, watts="300", swing=swing, swing_s=0.9, update_ms=update_ms)
    joules = result["gpu"]
    work_j = true_joules(result["start_s"], result["end_s"], 300, swing, 0.9)

    assert joules["meter"] == "NVML total energy counter"
    assert joules["relative_uncertainty"] == pytest.approx(
        (update_ms + 1) / 1e3 / joules["window_s"], rel=0.2
    )
    uncertainty_j = joules["relative_uncertainty"] * joules["gross_j"]
    assert work_j <= joules["gross_j"] <= work_j + (1 + swing) * uncertainty_j + 300 * 0.02


def test_counter_window_is_a_whole_number_of_updates_at_the_boards_power(run_with_nvml):
    joules = run_window(run_with_nvml, watts="250", update_ms=100)["gpu"]

    assert joules["window_s"] == pytest.approx(round(joules["window_s"], 1), abs=0.01)
    assert joules["gross_j"] == pytest.approx(250 * round(joules["window_s"], 1), rel=1e-4)
    assert joules["mean_w"] == pytest.approx(250, rel=0.02)


def test_joules_are_shared_among_samples_and_tokens(run_with_nvml):
    joules = run_window(run_with_nvml)["gpu"]

    assert joules["per_sample_j"] == joules["gross_j"] / 4
    assert joules["per_token_j"] == joules["gross_j"] / 20
    assert (joules["temperature_start_c"], joules["temperature_end_c"]) == (55, 55)


def test_second_meter_agrees_with_the_counter(run_with_nvml):
    joules = run_window(run_with_nvml, seconds=1.0, watts="300", swing=0.3, swing_s=2)["gpu"]

    assert joules["second_meter_j"] == pytest.approx(joules["gross_j"], rel=0.02)


@pytest.mark.parametrize(("missing", "resolution_s"), [("energy", 0.1), ("energy instant", 1.0)])
def test_integrated_power_stands_in_for_a_missing_counter(run_with_nvml, missing, resolution_s):
    result = run_window(run_with_nvml, watts="300", swing=0.3, swing_s=2, missing=missing)
    joules = result["gpu"]
    work_j = true_joules(result["start_s"], result["end_s"], 300, 0.3, 2)

    assert joules["meter"] == "NVML integrated power"
    assert "second_meter_j" not in joules
    assert joules["relative_uncertainty"] >= resolution_s / joules["window_s"]
    assert joules["gross_j"] == pytest.approx(work_j, rel=joules["relative_uncertainty"])


def test_counter_that_stands_still_is_not_believed(run_with_nvml):
    joules = run_window(run_with_nvml, watts="300", update_ms=0)["gpu"]

    assert joules["meter"] == "NVML integrated power"
    assert joules["mean_w"] == pytest.approx(300, rel=1e-3)


def test_counter_alone_has_no_second_meter(run_with_nvml):
    joules = run_window(run_with_nvml, missing="instant usage")["gpu"]

    assert joules["meter"] == "NVML total energy counter"
    assert "second_meter_j" not in joules


def test_gpu_without_energy_and_power_has_a_reason(run_with_nvml):
    result = run_window(run_with_nvml, seconds=0.01, missing="energy instant usage")

    assert result["gpu"] is None
    assert not result["available"]
    assert result["absent"]["gpu"] == "NVML offers neither energy nor power of this GPU"


def test_gpu_lost_during_the_work_is_a_reason_and_no_crash(run_with_nvml):
    result = run_window(run_with_nvml, lost_s=0.4)

    assert result["gpu"] is None
    assert not result["available"]
    assert result["absent"]["gpu"] == "the meter was lost during the run: NVML says: GPU is lost"


@pytest.mark.parametrize("mig", [1, 2], ids=["divided board", "instance"])
def test_divided_board_gives_no_joules(run_with_nvml, mig):
    result = run_window(run_with_nvml, seconds=0.01, mig=mig)

    assert result["gpu"] is None
    assert result["absent"]["gpu"].startswith("MIG is on")


def test_window_waits_for_two_ticks_and_leaves_no_thread(run_with_nvml):
    result = run_window(run_with_nvml, seconds=0.3, update_ms=100)

    assert result["wait_s"] <= 2 * 0.1 + 0.2
    assert result["seconds"] == pytest.approx(0.3, abs=0.1)
    assert run_window(run_with_nvml, seconds=0.3, real_time=True)["threads"] == 1


def test_joules_are_those_of_the_board_that_the_process_runs_on(run_with_nvml):
    environment = {"CUDA_VISIBLE_DEVICES": "1,0", "CUDA_DEVICE_ORDER": "PCI_BUS_ID"}
    joules = run_window(run_with_nvml, seconds=0.2, environment=environment, watts="100,300")["gpu"]

    assert joules["device"] == "GPU-00000001-aaaa-bbbb-cccc-0123456789ab"
    assert joules["mean_w"] == pytest.approx(300, rel=0.05)


CPU_RUN = """
import json, sys
from vlm_profiling.measure.meters.energy import open_meters
json.dump(open_meters("cpu", None).absent["gpu"], sys.stdout)
"""


def test_run_on_the_cpu_never_reads_a_gpu(run_with_nvml):
    assert run_with_nvml(CPU_RUN, {}, watts="115") == "the run's device is cpu"
