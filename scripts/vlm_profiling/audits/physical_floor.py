"""Whether a figure is one that the device can reach at all."""

from __future__ import annotations

from collections.abc import Iterator

from vlm_profiling.audits.base import Check, Context, FigureKind, Finding, Verdict, conclude, not_applicable
from vlm_profiling.cost.ceilings import Ceilings
from vlm_profiling.cost.roofline import WHOLE, StageRoofline, run_roofline
from vlm_profiling.record.machine import Gpu, Joules

NAME = "physical floor"
ASKS = "Is every figure one that the hardware can reach: FLOP/s, weights read per second, watts?"

SENSOR = 0.05
"""What a board's power sensor may be off, relative (arXiv 2312.02741)."""

ABOVE_MEASURED = 1.1
"""How far a run may pass a rate that was measured on its machine: clocks differ from minute to minute."""


def judge(context: Context) -> Finding:
    """Each stage against the datasheet and the measured ceilings, mean power against the idle power and the board's limit."""
    record, gpu = context.record, context.record.environment.gpu
    ceilings = context.ceilings.get(record.point.device)
    rows = run_roofline(record, context.cost, ceilings)
    checks = [*_datasheet_checks(rows), *_measured_checks(rows, ceilings)]
    if gpu and record.point.device == "cuda" and record.energy and record.energy.gpu:
        checks += _power_checks(record.energy.gpu, gpu)
    if not checks:
        reasons = dict.fromkeys(row.absent[name] for row in rows for name in ("flops", "floor_s") if name in row.absent)
        return not_applicable(NAME, "; ".join(reasons))
    return conclude(NAME, checks)


def _datasheet_checks(rows: list[StageRoofline]) -> Iterator[Check]:
    """No kernel passes a datasheet: neither its matrix rate nor its bandwidth."""
    for row in rows:
        if row.ceiling == "datasheet":
            yield from _checks(row, "fail", 1.0, row.source or "", with_bytes=True)


def _measured_checks(rows: list[StageRoofline], ceilings: Ceilings | None) -> Iterator[Check]:
    """What passes the measured rates is suspicious; what fits the caches may be read faster than memory is."""
    for row in rows:
        if row.ceiling == "measured" and ceilings:
            streams = (row.bytes or 0) >= ceilings.buffer_bytes
            yield from _checks(row, "warn", ABOVE_MEASURED, "measured on this machine", with_bytes=streams)


def _checks(row: StageRoofline, otherwise: Verdict, limit: float, source: str, *, with_bytes: bool) -> Iterator[Check]:
    kinds: tuple[FigureKind, ...] = ("latency", "flops") if row.stage == WHOLE else ("stages",)
    if row.mfu is not None and row.flops is not None and row.peak_flops_per_s is not None:
        words = (
            f"{row.stage}: {row.flops / row.time_s / 1e12:.4g} TFLOP/s of at most {row.peak_flops_per_s / 1e12:.4g} ({source})"
        )
        yield Check("pass" if row.mfu <= limit else otherwise, words, kinds)
    if with_bytes and row.mbu is not None and row.bytes is not None and row.peak_bytes_per_s is not None:
        words = f"{row.stage}: {row.bytes / row.time_s / 1e9:.4g} GB/s of at most {row.peak_bytes_per_s / 1e9:.4g} ({source})"
        yield Check("pass" if row.mbu <= limit else otherwise, words, ("latency",) if row.stage == WHOLE else kinds)


def _power_checks(joules: Joules, gpu: Gpu) -> Iterator[Check]:
    """Mean power lies between that of the idle device and the board's limit."""
    if gpu.power_limit_w is not None:
        within = joules.mean_w <= gpu.power_limit_w * (1 + SENSOR)
        yield Check("pass" if within else "fail", f"{joules.mean_w:.0f} W of at most {gpu.power_limit_w:.0f} W", ("energy",))
    if joules.idle_w is not None:
        within = joules.mean_w >= joules.idle_w * (1 - SENSOR)
        yield Check("pass" if within else "fail", f"{joules.mean_w:.0f} W at work, {joules.idle_w:.0f} W idle", ("energy",))
