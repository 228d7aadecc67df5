"""The audit of energy and memory that belong to another device than the run's."""

from __future__ import annotations

from collections.abc import Iterator

from vlm_profiling.audits.base import Check, Context, Finding, conclude, not_applicable
from vlm_profiling.record.schema import RunRecord

NAME = "right device"
ASKS = "Do energy and memory belong to the device that did the work?"


def judge(context: Context) -> Finding:
    """The finding about whose energy and memory the record holds.

    A CPU run must hold no energy of a GPU; a GPU run that of its own GPUs, whose memory holds the weights.
    """
    checks = list(
        _gpu_checks(context.record) if context.record.point.device == "cuda" else _cpu_checks(context.record)
    )
    checks += _stage_checks(context.record)
    return conclude(NAME, checks) if checks else not_applicable(NAME, "no energy was measured")


def _cpu_checks(record: RunRecord) -> Iterator[Check]:
    energy, memory = record.energy, record.memory
    if energy and energy.gpu:
        words = f"a CPU run reports {energy.gpu.gross_j:.0f} J of GPU {energy.gpu.device}"
        yield Check("fail", words, ("energy",))
    if memory and memory.peak_reserved_bytes:  # torch reserves on GPUs alone
        words = f"a CPU run reports a peak of {memory.peak_reserved_bytes:,} bytes of GPU memory"
        yield Check("fail", words, ("memory",))
    if energy and energy.cpu:
        is_rapl = "RAPL" in energy.cpu.meter
        yield Check("pass" if is_rapl else "fail", f"CPU energy measured by {energy.cpu.meter}", ("energy",))


def _gpu_checks(record: RunRecord) -> Iterator[Check]:
    gpus, energy, memory = record.environment.gpus, record.energy, record.memory
    if not gpus:
        yield Check("fail", "a GPU run whose environment lists no GPU", ("latency", "energy", "memory"))
    elif energy and energy.gpu:
        own = [board.device for board in energy.gpu.boards] or [energy.gpu.device]
        same = sorted(own) == sorted(gpu.uuid for gpu in gpus)
        words = f"energy of {' + '.join(own)}"
        words += "" if same else f", but the run used {' + '.join(gpu.uuid for gpu in gpus)}"
        yield Check("pass" if same else "fail", words, ("energy",))
    if memory and memory.peak_allocated_bytes is not None and record.checkpoint:
        peak, weights = memory.peak_allocated_bytes, record.checkpoint.weight_bytes
        words = f"peak of {peak:,} bytes allocated on the GPU, weights of {weights:,} bytes"
        yield Check("pass" if peak >= weights else "fail", words, ("latency", "memory"))
    if len(gpus) > 1:
        yield _spread_check(record, len(gpus))


def _spread_check(record: RunRecord, count: int) -> Check:
    """The check that each of several GPUs holds weights and allocated at least their bytes."""
    weights = record.checkpoint.weight_bytes_by_gpu if record.checkpoint else []
    peaks = [gpu.peak_allocated_bytes for gpu in record.memory.peaks_by_gpu] if record.memory else []
    words = f"{count} GPUs with {' + '.join(f'{own:,}' for own in weights) or 'unknown'} bytes of weights"
    spread = len(weights) == count and all(weights)
    if peaks:
        words += f", {' + '.join(f'{own:,}' for own in peaks)} allocated"
        spread = (
            spread
            and len(peaks) == count
            and all(peak >= own for peak, own in zip(peaks, weights, strict=True))
        )
    return Check("pass" if spread else "fail", words, ("latency", "energy", "memory"))


def _stage_checks(record: RunRecord) -> Iterator[Check]:
    own = record.energy and (record.energy.gpu if record.point.device == "cuda" else record.energy.cpu)
    if record.stage_energy:
        same = own is not None and own.meter == record.stage_energy.meter
        words = f"energy by stage measured by {record.stage_energy.meter}"
        words += "" if same else ", which is not the meter of the run's device"
        yield Check("pass" if same else "fail", words, ("energy",))
