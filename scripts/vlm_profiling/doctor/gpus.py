"""GPUs: the driver, their kind, their meter, their power limit, and who else uses them."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from itertools import pairwise

import pynvml

from vlm_profiling.doctor.base import MachineCheck, missing, not_needed, ok, warn
from vlm_profiling.measure.meters.base import MeterError
from vlm_profiling.measure.meters.gpu import NotOfferedError, NvmlGpu, ask_nvml
from vlm_profiling.measure.meters.nvml import GpuMeter
from vlm_profiling.record.machine import Gpu

GIBIBYTE = 2**30
IN_A_JOB = "SLURM_JOB_ID"
"""A variable that every process of a SLURM job has, and none on a login node."""


def check_gpus(
    *, needed: int, hardware: str | None, memory_gib: float | None, on_cluster: bool
) -> Iterator[MachineCheck]:
    """All GPUs that NVML knows, against what the study declares.

    Args:
        needed: GPUs of the study's largest run; 0 where all of its runs use the CPU.
        hardware: the kind of GPU that the study declares.
        memory_gib: the memory of it, in GiB.
        on_cluster: whether the GPUs may be those of other nodes.
    """
    try:
        ask_nvml(pynvml.nvmlInit)
        count = ask_nvml(pynvml.nvmlDeviceGetCount)
        handles = [ask_nvml(pynvml.nvmlDeviceGetHandleByIndex, index) for index in range(count)]
        if not handles:
            raise MeterError("the driver knows no GPU")
    except MeterError as error:
        yield _no_gpu(str(error), needed, on_cluster)
        return
    if len(handles) < needed:
        found = f"{len(handles)} here, and a model of the study asks for gpus: {needed}"
        if on_cluster:
            yield warn("GPUs", found, f"check a node with them: srun --nodes=1 --gpus={needed} make doctor")
        else:
            yield missing("GPUs", found, "lower its `gpus`")
    for index, handle in enumerate(handles):
        name = f"GPU {index}"
        try:
            yield from _check_gpu(name, handle, hardware, memory_gib)
        except MeterError as error:
            verdict = missing if needed else warn
            yield verdict(name, str(error), "see nvidia-smi; restart the driver")


def _no_gpu(error: str, needed: int, on_cluster: bool) -> MachineCheck:
    if not needed:
        return not_needed("GPU", f"{error}; the study's runs use the CPU")
    if not on_cluster:
        return missing("GPU", error, "install NVIDIA's driver, then see that nvidia-smi lists the GPU")
    if IN_A_JOB in os.environ:
        repair = "ask the cluster's administrators, or use other nodes"
        return missing("GPU", f"{error}, a compute node", repair)
    return warn(
        "GPU", error, f"usual on a login node; check a compute node: srun --gpus={needed} make doctor"
    )


def _check_gpu(
    name: str, handle: object, hardware: str | None, memory_gib: float | None
) -> Iterator[MachineCheck]:
    gpu = NvmlGpu(handle)
    facts = gpu.describe()
    yield ok(name, f"{facts.name}, {facts.memory_bytes / GIBIBYTE:.1f} GiB, driver {facts.driver}")
    if hardware and not is_of_kind(facts.name, hardware):
        found = f"is no {hardware}, which the study declares as its hardware"
        yield warn(name, found, "measure on the machine declared, or declare this one as `hardware`")
    if memory_gib and facts.memory_bytes < memory_gib * GIBIBYTE:
        found = f"has less memory than device_memory_gib: {memory_gib}"
        yield warn(name, found, "lower it: `make grid` predicts with it which runs fit")
    yield _check_meter(name, gpu)
    yield from _check_power(name, handle, facts)
    if facts.persistence is False:
        found = "persistence mode is off: the driver is loaded anew for each run"
        yield warn(name, found, "nvidia-smi -pm 1, by an administrator")
    processes = ask_nvml(pynvml.nvmlDeviceGetComputeRunningProcesses, handle)
    if others := sorted({process.pid for process in processes} - {os.getpid()}):
        found = f"other processes compute on it: {', '.join(map(str, others))}"
        yield warn(name, found, "wait for them, or end them, before measuring")


def _check_meter(name: str, gpu: NvmlGpu) -> MachineCheck:
    """The meter that a run would use, really opened."""
    try:
        meter = GpuMeter(gpu)
    except MeterError as error:
        repair = "without it joules are null, with that reason; MIG: nvidia-smi -mig 0"
        return warn(name, f"no energy: {error}", repair)
    if meter.counter_period_s is None:
        return warn(name, "no energy counter: joules come from power samples alone, and are less certain")
    return ok(name, f"its energy counter is renewed every {meter.counter_period_s * 1e3:.0f} ms")


def _check_power(name: str, handle: object, facts: Gpu) -> Iterator[MachineCheck]:
    try:
        default_w = ask_nvml(pynvml.nvmlDeviceGetPowerManagementDefaultLimit, handle) / 1e3
    except NotOfferedError:
        return
    limit_w = facts.power_limit_w
    if limit_w is not None and limit_w < default_w:
        found = f"its power is capped at {limit_w:.0f} W; by default it may draw {default_w:.0f} W"
        repair = f"nvidia-smi -pl {default_w:.0f}, by an administrator; or declare it with `hardware`"
        yield warn(name, found, repair)


def is_of_kind(gpu_name: str, hardware: str) -> bool:
    """Whether a GPU's name has the declared hardware's numbers: NVIDIA H100 80GB HBM3 is an h100, and a
    lab-h100-80gb.

    A name without a number, such as workstation, says nothing about the GPU: any one is of that kind.
    """
    words = re.findall(r"[a-z0-9]+", gpu_name.lower())
    known = {*words, *(first + second for first, second in pairwise(words))}
    declared = re.findall(r"[a-z0-9]+", hardware.lower())
    return all(word in known for word in declared if any(map(str.isdigit, word)))
