"""Whether a figure is one that the GPU can reach at all."""

from __future__ import annotations

from collections.abc import Iterator

from vlm_profiling.audits.base import Check, Context, Finding, conclude, not_applicable
from vlm_profiling.cost.datasheet import Peaks, datasheet_peaks
from vlm_profiling.cost.evaluate import record_flops
from vlm_profiling.cost.functions import CostError, ModelCost
from vlm_profiling.record.machine import Gpu, Joules
from vlm_profiling.record.schema import Record

NAME = "physical floor"
ASKS = "Is every figure one that the hardware can reach: FLOP/s, weights read per second, watts?"

SENSOR = 0.05
"""What a board's power sensor may be off, relative (arXiv 2312.02741)."""


def judge(context: Context) -> Finding:
    """Work over time against the GPU's datasheet, mean power against the idle power and the board's limit."""
    record, gpu = context.record, context.record.environment.gpu
    if record.point.device != "cuda":
        return not_applicable(NAME, "a CPU's peaks depend on clocks and instructions that no datasheet fixes")
    if gpu is None:
        return not_applicable(NAME, "the environment names no GPU")
    checks: list[Check] = []
    peaks = datasheet_peaks(gpu.name)
    if peaks and context.cost and not gpu.mig:
        checks += _work_checks(record, context.cost, peaks)
    if record.energy and record.energy.gpu:
        checks += _power_checks(record.energy.gpu, gpu)
    return conclude(NAME, checks) if checks else not_applicable(NAME, f"no peaks known of {gpu.name}, and no power")


def _work_checks(record: Record, cost: ModelCost, peaks: Peaks) -> Iterator[Check]:
    """All FLOPs, and the weights that each forward pass must read, over the time of generate()."""
    generate_s = sum(batch.generate_s for batch in record.batches)
    try:
        flops = record_flops(record, cost)
    except CostError:
        flops = None
    peak = peaks.flops_per_s(record.optimization.dtype)
    if flops and peak:
        rate = flops.total.total_flops / generate_s
        words = f"{rate / 1e12:.4g} TFLOP/s of at most {peak / 1e12:.4g} ({peaks.source})"
        yield Check("pass" if rate <= peak else "fail", words, ("latency", "flops"))
    if cost.weights and record.checkpoint:
        per_parameter = record.checkpoint.weight_bytes / record.checkpoint.parameters
        once = sum(cost.weights.stage_bytes(stage, per_parameter) or 0 for stage in ("vision", "project", "prefill"))
        step = cost.weights.stage_bytes("decode", per_parameter) or 0
        rate = sum(once + (batch.generated_tokens - 1) * step for batch in record.batches) / generate_s
        words = f"weights read at {rate / 1e9:.4g} GB/s of at most {peaks.bytes_per_s / 1e9:.4g} ({peaks.source})"
        yield Check("pass" if rate <= peaks.bytes_per_s else "fail", words, ("latency",))


def _power_checks(joules: Joules, gpu: Gpu) -> Iterator[Check]:
    """Mean power lies between that of the idle device and the board's limit."""
    if gpu.power_limit_w is not None:
        within = joules.mean_w <= gpu.power_limit_w * (1 + SENSOR)
        yield Check("pass" if within else "fail", f"{joules.mean_w:.0f} W of at most {gpu.power_limit_w:.0f} W", ("energy",))
    if joules.idle_w is not None:
        within = joules.mean_w >= joules.idle_w * (1 - SENSOR)
        yield Check("pass" if within else "fail", f"{joules.mean_w:.0f} W at work, {joules.idle_w:.0f} W idle", ("energy",))
