"""Peak memory over a pass: what torch allocated and reserved on the GPU, and what the whole process held."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from vlm_profiling.measure.meters.base import MeterError
from vlm_profiling.measure.meters.gpu import current_gpus
from vlm_profiling.record.machine import GpuMemory, Memory

PROC = Path("/proc/self")
RESET_PEAK = "5"
"""Written to clear_refs, it sets the resident peak back to the present size (Linux, proc(5))."""


@dataclass
class PeakMemory:
    """The peaks of a block of work; `memory` is filled when the block ends."""

    memory: Memory = field(default_factory=Memory)


@contextmanager
def peak_memory(device: str, gpus: int = 1) -> Iterator[PeakMemory]:
    """Peaks over a block on `device` ("cuda": torch's first `gpus` ones, or "cpu"), counted from what is held
    at its start.

    Of several GPUs the sum of each one's own peak, which need not be at one moment: at least the peak of all
    together.
    """
    peak = PeakMemory()
    if device == "cuda":
        import torch

        for gpu in range(gpus):
            torch.cuda.reset_peak_memory_stats(gpu)
        yield peak
        peak.memory = _cuda_peaks(gpus)
    else:
        was_reset, before = _reset_resident_peak(), _resident_peak_bytes()
        yield peak
        peak.memory = _cpu_peaks(was_reset, before)


def _cuda_peaks(count: int) -> Memory:
    import torch

    peaks = [
        GpuMemory(
            peak_allocated_bytes=torch.cuda.max_memory_allocated(gpu),
            peak_reserved_bytes=torch.cuda.max_memory_reserved(gpu),
        )
        for gpu in range(count)
    ]
    memory = Memory(
        peak_allocated_bytes=sum(peak.peak_allocated_bytes for peak in peaks),
        peak_reserved_bytes=sum(peak.peak_reserved_bytes for peak in peaks),
    )
    try:
        held = [gpu.process_bytes(os.getpid()) for gpu in current_gpus(count)]
    except MeterError as error:
        memory.absent["peak_process_bytes"] = str(error)
    else:
        # NVML tells the present, not the peak: what torch had reserved and gave back since comes on top
        for number, (peak, present) in enumerate(zip(peaks, held, strict=True)):
            peak.peak_process_bytes = present + peak.peak_reserved_bytes - torch.cuda.memory_reserved(number)
        memory.peak_process_bytes = sum(peak.peak_process_bytes or 0 for peak in peaks)
    if count > 1:
        memory.peaks_by_gpu = peaks
    return memory


def _cpu_peaks(was_reset: bool, before: int | None) -> Memory:
    memory = Memory(
        absent=dict.fromkeys(
            ("peak_allocated_bytes", "peak_reserved_bytes"), "torch counts on CUDA devices only"
        )
    )
    peak = _resident_peak_bytes()
    if peak is None:
        memory.absent["peak_process_bytes"] = "this kernel keeps no peak of resident memory (VmHWM)"
    elif not was_reset and peak == before:
        memory.absent["peak_process_bytes"] = (
            "the resident peak is older than the pass, and this kernel does not reset it"
        )
    else:
        memory.peak_process_bytes = peak
    return memory


def _reset_resident_peak() -> bool:
    try:
        (PROC / "clear_refs").write_text(RESET_PEAK)
    except OSError:
        return False
    return True


def _resident_peak_bytes() -> int | None:
    """VmHWM, which the kernel gives in KiB."""
    for line in (PROC / "status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return None
