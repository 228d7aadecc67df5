"""GPUs: the driver, whether they are those declared, their meter, their power limit, and who else uses them."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from itertools import pairwise

import pynvml

from vlm_profiling.doctor.base import Check
from vlm_profiling.measure.meters.base import MeterError
from vlm_profiling.measure.meters.gpu import NotOfferedError, NvmlGpu, ask_nvml
from vlm_profiling.measure.meters.nvml import GpuMeter
from vlm_profiling.record.machine import Gpu

GIBIBYTE = 2**30
IN_A_JOB = "SLURM_JOB_ID"
"""A variable that every process of a SLURM job has, and none on a login node."""


def check_gpus(
    *, needed: int, hardware: str | None, memory_gib: float | None, on_cluster: bool
) -> Iterator[Check]:
    """All GPUs that NVML knows, against what the study declares. On a cluster the GPUs may be other nodes'.

    `needed`: GPUs of the study's largest run, 0 where all of its runs use the CPU.
    """
    try:
        ask_nvml(pynvml.nvmlInit)
        handles = [
            ask_nvml(pynvml.nvmlDeviceGetHandleByIndex, index)
            for index in range(ask_nvml(pynvml.nvmlDeviceGetCount))
        ]
        if not handles:
            raise MeterError("the driver knows no GPU")
    except MeterError as error:
        if not needed:
            yield Check("-", "GPU", f"{error}; the study's runs use the CPU")
        elif on_cluster and IN_A_JOB in os.environ:
            yield Check(
                "missing",
                "GPU",
                f"{error}, a compute node",
                "tell the cluster's administrators, or use other nodes",
            )
        elif on_cluster:
            repair = f"that is so on a login node; check a compute node: srun --gpus={needed} make doctor"
            yield Check("warn", "GPU", str(error), repair)
        else:
            yield Check(
                "missing",
                "GPU",
                str(error),
                "install NVIDIA's driver, then see that nvidia-smi lists the GPU",
            )
        return
    if len(handles) < needed:
        found = f"{len(handles)} here, and a model of the study asks for gpus: {needed}"
        repair = (
            f"check a node that has as many: srun --nodes=1 --gpus={needed} make doctor"
            if on_cluster
            else "lower its `gpus`"
        )
        yield Check("warn" if on_cluster else "missing", "GPUs", found, repair)
    for index, handle in enumerate(handles):
        try:
            yield from _check_gpu(f"GPU {index}", handle, hardware, memory_gib)
        except MeterError as error:
            yield Check(
                "missing" if needed else "warn",
                f"GPU {index}",
                str(error),
                "nvidia-smi tells more; restart the driver",
            )


def _check_gpu(name: str, handle: object, hardware: str | None, memory_gib: float | None) -> Iterator[Check]:
    gpu = NvmlGpu(handle)
    facts = gpu.describe()
    yield Check("ok", name, f"{facts.name}, {facts.memory_bytes / GIBIBYTE:.1f} GiB, driver {facts.driver}")
    if hardware and not is_of_kind(facts.name, hardware):
        repair = "measure on the machine declared, or declare this one: results of two kinds of GPU are told apart by `hardware`"
        yield Check("warn", name, f"is no {hardware}, which the study declares as its hardware", repair)
    if memory_gib and facts.memory_bytes < memory_gib * GIBIBYTE:
        yield Check(
            "warn",
            name,
            f"has less memory than device_memory_gib: {memory_gib}",
            "lower it, for `make grid` to tell true",
        )
    yield _check_meter(name, gpu)
    yield from _check_power(name, handle, facts)
    if facts.persistence is False:
        repair = "nvidia-smi -pm 1, by an administrator"
        yield Check("warn", name, "persistence mode is off: the driver is loaded anew for each run", repair)
    others = sorted(
        {process.pid for process in ask_nvml(pynvml.nvmlDeviceGetComputeRunningProcesses, handle)}
        - {os.getpid()}
    )
    if others:
        pids = ", ".join(map(str, others))
        yield Check(
            "warn",
            name,
            f"other processes compute on it: {pids}",
            "wait for them, or end them, before measuring",
        )


def _check_meter(name: str, gpu: NvmlGpu) -> Check:
    """The meter that a run would use, really opened."""
    try:
        meter = GpuMeter(gpu)
    except MeterError as error:
        return Check(
            "warn",
            name,
            f"no energy: {error}",
            "without it joules are null, with that reason; MIG: nvidia-smi -mig 0",
        )
    if meter.counter_period_s is None:
        return Check(
            "warn", name, "no energy counter: joules come from power samples alone, and are less certain"
        )
    return Check("ok", name, f"its energy counter is renewed every {meter.counter_period_s * 1e3:.0f} ms")


def _check_power(name: str, handle: object, facts: Gpu) -> Iterator[Check]:
    try:
        default_w = ask_nvml(pynvml.nvmlDeviceGetPowerManagementDefaultLimit, handle) / 1e3
    except NotOfferedError:
        return
    if facts.power_limit_w is not None and facts.power_limit_w < default_w:
        found = (
            f"its power is capped at {facts.power_limit_w:.0f} W; by default it may draw {default_w:.0f} W"
        )
        yield Check(
            "warn",
            name,
            found,
            f"nvidia-smi -pl {default_w:.0f}, by an administrator; or mean it, and say so with `hardware`",
        )


def is_of_kind(gpu_name: str, hardware: str) -> bool:
    """Whether a GPU's name holds the declared hardware's numbers: NVIDIA H100 80GB HBM3 is an h100, and a
    lab-h100-80gb.

    A name without a number, such as workstation, says nothing about the GPU: any one is of that kind.
    """
    words = re.findall(r"[a-z0-9]+", gpu_name.lower())
    known = {*words, *(first + second for first, second in pairwise(words))}
    return all(
        word in known for word in re.findall(r"[a-z0-9]+", hardware.lower()) if any(map(str.isdigit, word))
    )
