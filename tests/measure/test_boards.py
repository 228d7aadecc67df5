"""Joules, memory, telemetry and facts of several GPUs that one model is laid on: of the right boards, added
up.
"""

from __future__ import annotations

from itertools import pairwise

import pytest
from fakes.nvml import RunWithNvml, true_joules

FIRST, SECOND, THIRD = (f"GPU-0000000{index}-aaaa-bbbb-cccc-0123456789ab" for index in range(3))
BY_BUS = {"CUDA_DEVICE_ORDER": "PCI_BUS_ID"}

FIND = """
import json, sys
from vlm_profiling.measure.meters.gpu import find_gpus
from vlm_profiling.measure.meters.base import MeterError
try:
    found = [gpu.uuid for gpu in find_gpus({index}, 2)]
except MeterError as error:
    found = str(error)
json.dump(found, sys.stdout)
"""
TORCH = """
import sys, types
boards = {boards}
held = {{0: 7_000, 1: 600}}
cuda = types.SimpleNamespace(
    get_device_properties=lambda index: types.SimpleNamespace(
        name="Fake board", uuid=f"0000000{{boards[index]}}-aaaa-bbbb-cccc-0123456789ab"
    ),
    is_available=lambda: True,
    current_device=lambda: 0,
    reset_peak_memory_stats=lambda index: None,
    max_memory_allocated=lambda index: [5_000, 400][index],
    max_memory_reserved=lambda index: [9_000, 700][index],
    memory_reserved=held.get,
)
sys.modules["torch"] = types.SimpleNamespace(cuda=cuda, version=types.SimpleNamespace(cuda="12.8"))
"""


@pytest.mark.parametrize("boards", [[0, 1], [2, 0]])
def test_torchs_gpus_are_found_by_uuid_in_torchs_order(run_with_nvml: RunWithNvml, boards: list[int]) -> None:
    found = run_with_nvml(TORCH.format(boards=boards) + FIND.format(index=0), {}, watts="100,200,300")
    assert found == [[FIRST, SECOND, THIRD][board] for board in boards]


@pytest.mark.parametrize(
    ("environment", "found"),
    [
        ({"CUDA_VISIBLE_DEVICES": "2,0", **BY_BUS}, [THIRD, FIRST]),
        ({"CUDA_VISIBLE_DEVICES": f"{SECOND},{FIRST}"}, [SECOND, FIRST]),
        (BY_BUS, [FIRST, SECOND]),
    ],
)
def test_visible_devices_name_the_gpus_where_torch_has_none(
    run_with_nvml: RunWithNvml, environment, found
) -> None:
    assert run_with_nvml(FIND.format(index=None), environment, watts="100,200,300") == found


@pytest.mark.parametrize(
    ("environment", "reason"),
    [
        ({"CUDA_VISIBLE_DEVICES": "1", **BY_BUS}, "lets this process see 1 GPUs, 2 were asked"),
        ({"CUDA_VISIBLE_DEVICES": "1,1", **BY_BUS}, "some are one and the same"),
        ({"CUDA_VISIBLE_DEVICES": "1,7", **BY_BUS}, "lets this process see no GPU"),
        ({"CUDA_VISIBLE_DEVICES": "1,0"}, "CUDA_DEVICE_ORDER=PCI_BUS_ID"),
    ],
)
def test_gpus_that_are_not_certain_are_none(run_with_nvml: RunWithNvml, environment, reason: str) -> None:
    assert reason in run_with_nvml(FIND.format(index=None), environment, watts="100,200,300")


WINDOW = """
import json, sys, time
from pathlib import Path
import msgspec
from vlm_profiling.measure.meters.energy import open_meters

meters = open_meters("cuda", None, powercap=Path("nowhere"), gpus=2)
if meters.available and {idle}:
    meters.idle({idle})
with meters.window() as window:
    start_s = time.perf_counter()
    time.sleep({seconds})
    end_s = time.perf_counter()
energy = msgspec.to_builtins(meters.energy(window, samples=4, tokens=20))
json.dump({{"gpu": energy.get("gpu"), "absent": energy["absent"], "start_s": start_s, "end_s": end_s}},
          sys.stdout)
"""


def run_window(
    run: RunWithNvml, seconds: float = 0.6, idle: float = 0, visible: str = "1,0", **settings: object
):
    return run(
        WINDOW.format(seconds=seconds, idle=idle), {"CUDA_VISIBLE_DEVICES": visible, **BY_BUS}, **settings
    )


def work_j(result, board: int, watts: tuple[float, ...], swing: float = 0.0) -> float:
    return true_joules(result["start_s"], result["end_s"], watts[board], swing, 0.9)


@pytest.mark.parametrize("periods", [(20, 20), (20, 100), (90, 37)])
@pytest.mark.parametrize("swing", [0.0, 0.4])
def test_joules_are_the_sum_of_both_boards_within_the_stated_uncertainty(
    run_with_nvml, periods, swing
) -> None:
    watts = (100.0, 300.0, 5000.0)
    fake = {"swing": swing, "swing_s": 0.9, "update_ms_0": periods[0], "update_ms_1": periods[1]}
    result = run_window(run_with_nvml, watts="100,300,5000", **fake)
    joules = result["gpu"]

    assert joules["meter"] == "NVML total energy counter"
    assert joules["device"] == f"{SECOND} + {FIRST}"
    assert [board["device"] for board in joules["boards"]] == [SECOND, FIRST]
    for board, own in zip((1, 0), joules["boards"], strict=True):
        off_j = own["relative_uncertainty"] * own["gross_j"]
        true_j = work_j(result, board, watts, swing)
        assert (
            true_j - watts[board] * 0.003
            <= own["gross_j"]
            <= true_j + (1 + swing) * off_j + watts[board] * 0.02
        )
    assert joules["gross_j"] == pytest.approx(sum(own["gross_j"] for own in joules["boards"]))
    stated_j = joules["relative_uncertainty"] * joules["gross_j"]
    assert stated_j == pytest.approx(
        sum(own["relative_uncertainty"] * own["gross_j"] for own in joules["boards"])
    )
    true_j = work_j(result, 0, watts, swing) + work_j(result, 1, watts, swing)
    assert joules["gross_j"] == pytest.approx(true_j, abs=(1 + swing) * stated_j + 400 * 0.02)
    assert joules["mean_w"] == pytest.approx(400, rel=0.02 + swing)
    assert joules["per_sample_j"] == joules["gross_j"] / 4


def test_idle_power_is_summed_and_subtracted_over_each_boards_own_window(run_with_nvml) -> None:
    joules = run_window(run_with_nvml, idle=0.4, watts="100,300", update_ms_0=20, update_ms_1=80)["gpu"]

    assert joules["idle_w"] == pytest.approx(400, rel=0.02)
    assert [own["idle_w"] for own in joules["boards"]] == pytest.approx([300, 100], rel=0.02)
    net_j = [own["gross_j"] - own["idle_w"] * own["window_s"] for own in joules["boards"]]
    assert [own["net_j"] for own in joules["boards"]] == pytest.approx(net_j)
    assert joules["net_j"] == pytest.approx(sum(net_j), abs=1e-6)
    assert abs(joules["net_j"]) < 0.03 * joules["gross_j"]


def test_a_board_without_a_counter_is_metered_by_its_power_and_said_so(run_with_nvml) -> None:
    result = run_window(run_with_nvml, watts="100,300", missing_0="energy")
    joules = result["gpu"]

    assert [own["meter"] for own in joules["boards"]] == [
        "NVML total energy counter",
        "NVML integrated power",
    ]
    assert joules["meter"] == "NVML total energy counter and NVML integrated power"
    assert "second_meter_j" not in joules
    true_j = work_j(result, 0, (100, 300)) + work_j(result, 1, (100, 300))
    assert joules["gross_j"] == pytest.approx(true_j, rel=joules["relative_uncertainty"])


@pytest.mark.parametrize(
    ("fake", "reason"),
    [
        ({"mig_0": 1}, f"{FIRST}: MIG is on"),
        ({"mig_1": 2}, f"{SECOND}: MIG is on"),
        ({"missing_0": "energy instant usage"}, f"{FIRST}: NVML offers neither energy nor power of this GPU"),
        ({"lost_s": 0.7}, "the meter was lost during the run: NVML says: GPU is lost"),
    ],
)
def test_one_board_that_cannot_be_metered_leaves_no_joules_of_the_others(
    run_with_nvml, fake, reason: str
) -> None:
    result = run_window(run_with_nvml, watts="100,300", seconds=0.8, **fake)

    assert result["gpu"] is None
    assert result["absent"]["gpu"].startswith(reason)


WATCH = """
import json, sys, time
import msgspec
from vlm_profiling.measure.meters.telemetry import open_telemetry
sampler = open_telemetry("cuda", None, 2)
with sampler.sampling():
    time.sleep(0.5)
json.dump(msgspec.to_builtins(sampler.telemetry()), sys.stdout)
"""


def test_telemetry_sums_power_and_keeps_each_boards_own(run_with_nvml) -> None:
    told = run_with_nvml(WATCH, {"CUDA_VISIBLE_DEVICES": "1,0", **BY_BUS}, watts="100,300")

    assert told["power"]["mean_w"] == pytest.approx(400, rel=0.01)
    assert [board["device"] for board in told["boards"]] == [SECOND, FIRST]
    assert [board["power"]["mean_w"] for board in told["boards"]] == pytest.approx([300, 100], rel=0.01)
    assert (told["sm_clock"]["mean_mhz"], told["temperature"]["max_c"], told["utilisation"]["mean"]) == (
        1980,
        55,
        0.9,
    )


def test_telemetry_that_one_board_does_not_tell_is_null_with_a_reason(run_with_nvml) -> None:
    told = run_with_nvml(
        WATCH, {"CUDA_VISIBLE_DEVICES": "1,0", **BY_BUS}, watts="100,300", missing_0="clocks"
    )

    assert "sm_clock" not in told and told["absent"]["sm_clock"] == "NVML says: Not Supported"
    assert told["power"]["mean_w"] == pytest.approx(400, rel=0.01)


PEAKS = """
import json, sys
import msgspec
from vlm_profiling.measure.meters.peak_memory import peak_memory
with peak_memory("cuda", 2) as peak:
    pass
json.dump(msgspec.to_builtins(peak.memory), sys.stdout)
"""


def test_peaks_are_the_sum_of_each_gpus_own(run_with_nvml) -> None:
    memory = run_with_nvml(TORCH.format(boards=[1, 0]) + PEAKS, {}, watts="100,300", process=20_000)

    assert memory["peak_allocated_bytes"] == 5_400
    assert memory["peak_reserved_bytes"] == 9_700
    assert memory["peak_process_bytes"] == 20_000 + 2_000 + 20_000 + 100
    assert memory["peaks_by_gpu"] == [
        {"peak_allocated_bytes": 5_000, "peak_reserved_bytes": 9_000, "peak_process_bytes": 22_000},
        {"peak_allocated_bytes": 400, "peak_reserved_bytes": 700, "peak_process_bytes": 20_100},
    ]


ENVIRONMENT = """
import json, sys
import msgspec
from vlm_profiling.measure.environment.describe import describe_environment
told = describe_environment("cuda", None, 1, gpus=2)
json.dump([[gpu.uuid for gpu in told.gpus], told.gpu.cuda, told.further_gpus[0].name], sys.stdout)
"""


def test_the_environment_names_every_gpu(run_with_nvml) -> None:
    told = run_with_nvml(TORCH.format(boards=[2, 1]) + ENVIRONMENT, {}, watts="100,200,300")
    assert told == [[THIRD, SECOND], "12.8", "Fake board 1"]


def test_windows_of_two_boards_open_and_close_within_an_update_of_each_other(run_with_nvml) -> None:
    joules = run_window(run_with_nvml, watts="100,300", update_ms_0=40, update_ms_1=100)["gpu"]
    for first, second in pairwise(sorted(own["window_s"] for own in joules["boards"])):
        assert second - first <= 0.1 + 0.1 + 0.02
    assert joules["window_s"] == max(own["window_s"] for own in joules["boards"])
