"""Which GPU a process runs on, and what is told about it."""

from __future__ import annotations

import pytest

FIRST, SECOND = "GPU-00000000-aaaa-bbbb-cccc-0123456789ab", "GPU-00000001-aaaa-bbbb-cccc-0123456789ab"

FIND = """
import json, sys
from vlm_profiling.measure.meters.gpu import find_gpu
from vlm_profiling.measure.meters.base import MeterError
try:
    found = find_gpu({torch_device_index}).uuid
except MeterError as error:
    found = str(error)
json.dump(found, sys.stdout)
"""

TORCH_WITH_SECOND_BOARD = """
import sys, types
properties = types.SimpleNamespace(name="Fake board", uuid="00000001-aaaa-bbbb-cccc-0123456789ab")
cuda = types.SimpleNamespace(
    get_device_properties=lambda index: properties,
    is_available=lambda: True,
    current_device=lambda: 0,
    reset_peak_memory_stats=lambda index: None,
    max_memory_allocated=lambda index: 5_000,
    max_memory_reserved=lambda index: 9_000,
    memory_reserved=lambda index: 7_000,
)
sys.modules["torch"] = types.SimpleNamespace(cuda=cuda)
"""


def test_torch_device_is_found_by_uuid_where_indices_are_reordered(run_with_nvml):
    code = TORCH_WITH_SECOND_BOARD + FIND.format(torch_device_index=0)

    assert run_with_nvml(code, {"CUDA_VISIBLE_DEVICES": "1,0"}, watts="100,300") == SECOND


def test_torch_device_that_nvml_does_not_know_is_not_replaced_by_another(run_with_nvml):
    code = TORCH_WITH_SECOND_BOARD + FIND.format(torch_device_index=0)

    assert "does not know the GPU GPU-00000001" in run_with_nvml(code, {}, watts="100")


@pytest.mark.parametrize(
    ("environment", "uuid"),
    [
        ({"CUDA_VISIBLE_DEVICES": "1,0", "CUDA_DEVICE_ORDER": "PCI_BUS_ID"}, SECOND),
        ({"CUDA_DEVICE_ORDER": "PCI_BUS_ID"}, FIRST),
        ({"CUDA_VISIBLE_DEVICES": SECOND}, SECOND),
        ({"CUDA_VISIBLE_DEVICES": "GPU-00000000-a,1"}, FIRST),
    ],
)
def test_visible_devices_name_the_gpu_where_torch_has_none(run_with_nvml, environment, uuid):
    assert run_with_nvml(FIND.format(torch_device_index=None), environment, watts="100,300") == uuid


@pytest.mark.parametrize(
    ("environment", "reason"),
    [
        ({"CUDA_VISIBLE_DEVICES": "1,0"}, "CUDA_DEVICE_ORDER=PCI_BUS_ID"),
        ({}, "CUDA_DEVICE_ORDER=PCI_BUS_ID"),
        ({"CUDA_VISIBLE_DEVICES": ""}, "lets this process see no GPU"),
        ({"CUDA_VISIBLE_DEVICES": "-1"}, "lets this process see no GPU"),
        ({"CUDA_VISIBLE_DEVICES": "7"}, "lets this process see no GPU"),
        ({"CUDA_VISIBLE_DEVICES": "GPU-0000"}, "the UUID of 2 GPUs"),
        ({"CUDA_VISIBLE_DEVICES": "MIG-12345678"}, "does not know the GPU MIG-12345678"),
    ],
)
def test_gpu_that_is_not_certain_is_none(run_with_nvml, environment, reason):
    assert reason in run_with_nvml(FIND.format(torch_device_index=None), environment, watts="100,300")


FACTS = """
import json, os, sys
import msgspec
from vlm_profiling.measure.meters.gpu import find_gpu
from vlm_profiling.measure.meters.base import MeterError
gpu = find_gpu(None)
try:
    used = gpu.process_bytes(os.getpid())
except MeterError as error:
    used = str(error)
json.dump({"facts": msgspec.to_builtins(gpu.describe()), "used": used}, sys.stdout)
"""


def test_facts_of_the_gpu_are_in_si_units_and_null_where_not_told(run_with_nvml):
    facts = run_with_nvml(FACTS, {})["facts"]

    assert facts == {
        "name": "Fake board 0",
        "uuid": "GPU-00000000-aaaa-bbbb-cccc-0123456789ab",
        "driver": "999.1",
        "driver_cuda": "12.8",
        "memory_bytes": 80 * 2**30,
        "power_limit_w": 700.0,
        "sm_clock_mhz": 1980,
        "sm_clock_max_mhz": 1980,
        "memory_clock_mhz": 2619,
        "memory_clock_max_mhz": 2619,
        "compute_capability": "9.0",
        "persistence": True,
        "mig": False,
    }


@pytest.mark.parametrize(
    ("process", "used"),
    [
        (3 * 2**30, 3 * 2**30),
        (0, "NVML lists this process without its memory"),
        ("other", "NVML does not list this process; in a container it may list it by the host's PID"),
    ],
)
def test_memory_of_this_process_alone_is_told(run_with_nvml, process, used):
    assert run_with_nvml(FACTS, {}, process=process)["used"] == used


PEAK = """
import json, sys
import msgspec
from vlm_profiling.measure.meters.peak_memory import peak_memory
with peak_memory("cuda") as peak:
    pass
json.dump(msgspec.to_builtins(peak.memory), sys.stdout)
"""


def test_process_peak_is_what_is_held_and_what_torch_gave_back(run_with_nvml):
    memory = run_with_nvml(TORCH_WITH_SECOND_BOARD + PEAK, {}, watts="100,300", process=20_000)

    assert memory == {
        "peak_allocated_bytes": 5_000,
        "peak_reserved_bytes": 9_000,
        "peak_process_bytes": 20_000 + 2_000,
    }


def test_process_peak_that_nvml_does_not_tell_has_a_reason(run_with_nvml):
    memory = run_with_nvml(TORCH_WITH_SECOND_BOARD + PEAK, {}, watts="100,300", process="other")

    assert "peak_process_bytes" not in memory
    assert memory["absent"]["peak_process_bytes"].startswith("NVML does not list this process")
