"""Whether joules and memory are those of the device that did the work."""

from __future__ import annotations

from collections.abc import Iterator

from vlm_profiling.audits.base import Check, Context, Finding, conclude, not_applicable
from vlm_profiling.record.schema import Record

NAME = "right device"
ASKS = "Are joules and memory those of the device that did the work?"


def judge(context: Context) -> Finding:
    """A CPU run must hold no joules of a GPU; a GPU run those of its own GPU, in whose memory the weights must lie."""
    checks = list(_gpu_checks(context.record) if context.record.point.device == "cuda" else _cpu_checks(context.record))
    checks += _stage_checks(context.record)
    return conclude(NAME, checks) if checks else not_applicable(NAME, "no joules in the record")


def _cpu_checks(record: Record) -> Iterator[Check]:
    energy, memory = record.energy, record.memory
    if energy and energy.gpu:
        yield Check("fail", f"a CPU run holds {energy.gpu.gross_j:.0f} J of the GPU {energy.gpu.device}", ("energy",))
    if memory and memory.peak_reserved_bytes:  # torch reserves on GPUs alone
        yield Check("fail", f"a CPU run holds a GPU's peak of {memory.peak_reserved_bytes:,} bytes", ("memory",))
    if energy and energy.cpu:
        is_rapl = "RAPL" in energy.cpu.meter
        yield Check("pass" if is_rapl else "fail", f"CPU joules by {energy.cpu.meter}", ("energy",))


def _gpu_checks(record: Record) -> Iterator[Check]:
    gpu, energy, memory = record.environment.gpu, record.energy, record.memory
    if gpu is None:
        yield Check("fail", "a GPU run without a GPU in its environment", ("latency", "energy", "memory"))
    elif energy and energy.gpu:
        same = energy.gpu.device == gpu.uuid
        words = f"joules of {energy.gpu.device}" + ("" if same else f", but the run was on {gpu.uuid}")
        yield Check("pass" if same else "fail", words, ("energy",))
    if memory and memory.peak_allocated_bytes is not None and record.checkpoint:
        peak, weights = memory.peak_allocated_bytes, record.checkpoint.weight_bytes
        words = f"{peak:,} bytes allocated on the GPU for weights of {weights:,}"
        yield Check("pass" if peak >= weights else "fail", words, ("latency", "memory"))


def _stage_checks(record: Record) -> Iterator[Check]:
    own = record.energy and (record.energy.gpu if record.point.device == "cuda" else record.energy.cpu)
    if record.stage_energy:
        same = own is not None and own.meter == record.stage_energy.meter
        words = f"joules by stage by {record.stage_energy.meter}" + ("" if same else ", not the meter of the run's device")
        yield Check("pass" if same else "fail", words, ("energy",))
