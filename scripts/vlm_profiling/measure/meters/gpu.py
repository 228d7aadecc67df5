"""The GPUs this process runs on, found by UUID, and what NVML says about them in SI units.

NVML numbers GPUs by PCI bus; CUDA numbers those in CUDA_VISIBLE_DEVICES in their order there. Only a UUID
means the same GPU to both. Calls and units: the NVML API reference, section Device Queries.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import pynvml

from vlm_profiling.measure.meters.base import MeterError
from vlm_profiling.record.machine import Gpu

NOT_OFFERED = (
    pynvml.NVML_ERROR_NOT_SUPPORTED,
    pynvml.NVML_ERROR_FUNCTION_NOT_FOUND,
    pynvml.NVML_ERROR_INVALID_ARGUMENT,  # what some calls answer for a MIG instance
)


class NotOfferedError(MeterError):
    """This GPU or its driver does not offer the quantity; asking again is of no use."""


class NvmlGpu:
    """One GPU, or one MIG instance, by its NVML handle. Methods raise MeterError, NotOfferedError where
    nothing is lost.
    """

    def __init__(self, handle: Any) -> None:
        self._handle = handle
        self.uuid: str = self._ask(pynvml.nvmlDeviceGetUUID)

    def total_energy_j(self) -> float:
        """Energy since the driver was loaded (NVML: mJ), updated every 20 to 100 ms. Volta or newer."""
        return self._ask(pynvml.nvmlDeviceGetTotalEnergyConsumption) / 1e3

    def instant_power_w(self) -> float:
        """Present power (NVML field NVML_FI_DEV_POWER_INSTANT, in mW)."""
        value = self._ask(pynvml.nvmlDeviceGetFieldValues, [pynvml.NVML_FI_DEV_POWER_INSTANT])[0]
        if value.nvmlReturn != pynvml.NVML_SUCCESS:
            raise _reason(pynvml.NVMLError(value.nvmlReturn))
        return value.value.uiVal / 1e3

    def usage_power_w(self) -> float:
        """Power as nvidia-smi shows it, in mW from NVML: a 1 s average on Ampere (GA100 apart) and newer
        GPUs.
        """
        return self._ask(pynvml.nvmlDeviceGetPowerUsage) / 1e3

    def temperature_c(self) -> float | None:
        """Core temperature in degrees Celsius; null where the GPU has no such sensor (a MIG instance has
        none).
        """
        temperature = self._optional(pynvml.nvmlDeviceGetTemperature, pynvml.NVML_TEMPERATURE_GPU)
        return None if temperature is None else float(temperature)

    def process_bytes(self, pid: int) -> int:
        """Memory that process `pid` holds on the GPU, the CUDA context included."""
        processes = {
            process.pid: process.usedGpuMemory
            for process in self._ask(pynvml.nvmlDeviceGetComputeRunningProcesses)
        }
        if pid not in processes:
            raise MeterError(
                "NVML does not list this process; in a container it may list it by the host's PID"
            )
        if not processes[pid]:
            raise MeterError("NVML lists this process without its memory")
        return processes[pid]

    def is_divided(self) -> bool:
        """Whether MIG divides the board among instances, so that what its sensors say is not one process's
        own.
        """
        if self._is_mig_instance():
            return True
        mode = self._optional(pynvml.nvmlDeviceGetMigMode)
        return mode is not None and mode[0] == pynvml.NVML_DEVICE_MIG_ENABLE

    def sm_clock_mhz(self) -> float:
        """Present clock of the multiprocessors."""
        return float(self._ask(pynvml.nvmlDeviceGetClockInfo, pynvml.NVML_CLOCK_SM))

    def memory_clock_mhz(self) -> float:
        """Present clock of the memory."""
        return float(self._ask(pynvml.nvmlDeviceGetClockInfo, pynvml.NVML_CLOCK_MEM))

    def utilisation(self) -> float:
        """Share of the last sample period (1/6 to 1 s) in which some kernel ran; a few threads are enough for
        1.
        """
        return self._ask(pynvml.nvmlDeviceGetUtilizationRates).gpu / 100

    def clock_reasons(self) -> int:
        """Bits that tell why the clocks are not at their highest (nvmlClocksEventReason...)."""
        try:
            return self._ask(pynvml.nvmlDeviceGetCurrentClocksEventReasons)
        except NotOfferedError:  # the call's name before driver 535
            return self._ask(pynvml.nvmlDeviceGetCurrentClocksThrottleReasons)

    def describe(self) -> Gpu:
        """The facts of a record; what this GPU or driver does not tell is null."""
        limit_mw = self._optional(pynvml.nvmlDeviceGetPowerManagementLimit)
        capability = self._optional(pynvml.nvmlDeviceGetCudaComputeCapability)
        ecc = self._optional(pynvml.nvmlDeviceGetEccMode)
        persistence = self._optional(pynvml.nvmlDeviceGetPersistenceMode)
        cuda = _offered(pynvml.nvmlSystemGetCudaDriverVersion)
        return Gpu(
            name=self._ask(pynvml.nvmlDeviceGetName),
            uuid=self.uuid,
            driver=ask_nvml(pynvml.nvmlSystemGetDriverVersion),
            driver_cuda=None if cuda is None else f"{cuda // 1000}.{cuda % 1000 // 10}",
            memory_bytes=self._ask(pynvml.nvmlDeviceGetMemoryInfo).total,
            power_limit_w=None if limit_mw is None else limit_mw / 1e3,
            sm_clock_mhz=self._optional(pynvml.nvmlDeviceGetClockInfo, pynvml.NVML_CLOCK_SM),
            sm_clock_max_mhz=self._optional(pynvml.nvmlDeviceGetMaxClockInfo, pynvml.NVML_CLOCK_SM),
            memory_clock_mhz=self._optional(pynvml.nvmlDeviceGetClockInfo, pynvml.NVML_CLOCK_MEM),
            memory_clock_max_mhz=self._optional(pynvml.nvmlDeviceGetMaxClockInfo, pynvml.NVML_CLOCK_MEM),
            compute_capability=None if capability is None else f"{capability[0]}.{capability[1]}",
            ecc=None if ecc is None else ecc[0] == pynvml.NVML_FEATURE_ENABLED,
            persistence=None if persistence is None else persistence == pynvml.NVML_FEATURE_ENABLED,
            mig=self.is_divided(),
        )

    def _is_mig_instance(self) -> bool:
        answer = self._optional(pynvml.nvmlDeviceIsMigDeviceHandle)
        return answer is not None and answer.value != 0

    def _ask(self, call: Callable[..., Any], *arguments: object) -> Any:
        return ask_nvml(call, self._handle, *arguments)

    def _optional(self, call: Callable[..., Any], *arguments: object) -> Any:
        return _offered(call, self._handle, *arguments)


def find_gpu(torch_device_index: int | None) -> NvmlGpu:
    """The GPU that torch calls `cuda:torch_device_index` in this process; by CUDA_VISIBLE_DEVICES where torch
    has none.

    Raises MeterError with the reason when there is no driver, no such GPU, or no way to be sure which one it
    is.
    """
    return find_gpus(torch_device_index, 1)[0]


def find_gpus(torch_device_index: int | None, count: int) -> list[NvmlGpu]:
    """The GPUs that torch calls `cuda:torch_device_index` and the following ones; by CUDA_VISIBLE_DEVICES
    where torch has none.

    Raises MeterError as `find_gpu` does, and where two of them are one board.
    """
    ask_nvml(pynvml.nvmlInit)
    if torch_device_index is None:
        gpus = [NvmlGpu(handle) for handle in _visible_handles(count)]
    else:
        indices = range(torch_device_index, torch_device_index + count)
        gpus = [NvmlGpu(_handle_by_uuid(_torch_uuid(index))) for index in indices]
    if len({gpu.uuid for gpu in gpus}) < count:
        raise MeterError(
            f"{count} GPUs were asked, but some are one and the same: {', '.join(gpu.uuid for gpu in gpus)}"
        )
    return gpus


def current_gpus(count: int = 1) -> list[NvmlGpu]:
    """The GPUs of torch's current CUDA device and the following ones. Raises MeterError."""
    import torch

    return find_gpus(torch.cuda.current_device() if torch.cuda.is_available() else None, count)


def ask_nvml(call: Callable[..., Any], *arguments: object) -> Any:
    """The answer of an NVML call, its errors turned into reasons. Raises MeterError or NotOfferedError."""
    try:
        return call(*arguments)
    except pynvml.NVMLError as error:
        raise _reason(error) from None


def _offered(call: Callable[..., Any], *arguments: object) -> Any:
    """The answer, or null where it is not offered."""
    try:
        return ask_nvml(call, *arguments)
    except NotOfferedError:
        return None


def _reason(error: pynvml.NVMLError) -> MeterError:
    code: int = error.args[0]
    if code == pynvml.NVML_ERROR_LIBRARY_NOT_FOUND:
        return MeterError("no NVIDIA driver on this host (NVML is not there)")
    return (NotOfferedError if code in NOT_OFFERED else MeterError)(f"NVML says: {error}")


def _torch_uuid(device_index: int) -> str:
    """The NVML UUID of a torch CUDA device: torch leaves out the prefix, and names a MIG instance in the
    device's name.
    """
    import torch

    try:
        properties = torch.cuda.get_device_properties(device_index)
    except (RuntimeError, AssertionError) as error:
        raise MeterError(f"torch does not tell which GPU cuda:{device_index} is: {error}") from None
    return f"{'MIG' if ' MIG ' in properties.name else 'GPU'}-{properties.uuid}"


def _handle_by_uuid(uuid: str) -> Any:
    try:
        return ask_nvml(pynvml.nvmlDeviceGetHandleByUUID, uuid)
    except MeterError as error:
        raise MeterError(f"NVML does not know the GPU {uuid} that this process runs on ({error})") from None


def _visible_handles(count: int) -> list[Any]:
    """The handles of the first GPUs that CUDA_VISIBLE_DEVICES lets this process see."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES", ",".join(map(str, range(count))))
    names = [name.strip() for name in visible.split(",")]
    if len(names) < count:
        raise MeterError(
            f"CUDA_VISIBLE_DEVICES = {visible!r} lets this process see {len(names)} GPUs, {count} were asked"
        )
    return [_visible_handle(name, visible) for name in names[:count]]


def _visible_handle(name: str, visible: str) -> Any:
    """The handle of the GPU that an entry of CUDA_VISIBLE_DEVICES names."""
    if name.startswith("MIG-"):
        return _handle_by_uuid(name)
    handles = [
        ask_nvml(pynvml.nvmlDeviceGetHandleByIndex, index)
        for index in range(ask_nvml(pynvml.nvmlDeviceGetCount))
    ]
    if name.startswith("GPU-"):
        # CUDA allows a UUID to be cut short as long as it stays unique
        matching = [
            handle for handle in handles if ask_nvml(pynvml.nvmlDeviceGetUUID, handle).startswith(name)
        ]
        if len(matching) != 1:
            raise MeterError(
                f"CUDA_VISIBLE_DEVICES = {visible!r}: {name} is the UUID of {len(matching)} GPUs here"
            )
        return matching[0]
    if not name.isdecimal() or int(name) >= len(handles):
        raise MeterError(
            f"CUDA_VISIBLE_DEVICES = {visible!r} lets this process see no GPU (NVML knows {len(handles)})"
        )
    if len(handles) > 1 and os.environ.get("CUDA_DEVICE_ORDER") != "PCI_BUS_ID":
        raise MeterError(
            "which of several GPUs an index means is known only with CUDA_DEVICE_ORDER=PCI_BUS_ID, or by UUID"
        )
    return handles[int(name)]
