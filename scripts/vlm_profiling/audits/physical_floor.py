"""Whether a figure is one that the device can reach at all."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from vlm_profiling.audits.base import Check, Context, FigureKind, Finding, Verdict, conclude, not_applicable
from vlm_profiling.cost.roofline.ceilings import Ceilings
from vlm_profiling.cost.roofline.roofline import ABOVE_MEASURED, WHOLE, StageRoofline, run_roofline, too_low
from vlm_profiling.record.machine import Gpu, Joules

NAME = "physical floor"
ASKS = "Is every figure one that the hardware can reach: FLOP/s, weights read per second, watts?"

SENSOR = 0.05
"""What a board's power sensor may be off, relative (arXiv 2312.02741)."""


def judge(context: Context) -> Finding:
    """Each stage against the datasheet and the measured ceilings, mean power against the idle power and the
    board's limit.

    Ceilings measured while others used the processor are too low to judge by.
    """
    record, gpus = context.record, context.record.environment.gpus
    ceilings = context.ceilings.get(record.point.device)
    rows = run_roofline(record, context.cost, ceilings)
    checks: list[Check] = []
    sides: tuple[tuple[list[_Rate], float, Verdict], ...] = (
        (_rates(rows, "datasheet", least_bytes=0), 1.0, "fail"),
        (_rates(rows, "measured", _streamed(ceilings)), ABOVE_MEASURED, "warn"),
    )
    disturbed = ceilings if ceilings and ceilings.disturbed else None
    if disturbed:
        sides = sides[:1]
    for rates, limit, otherwise in sides:
        above = [rate for rate in rates if rate.utilisation > limit]
        checks += [Check(otherwise, rate.words, rate.figures) for rate in above]
        if rates and not above:
            checks.append(Check("pass", max(rates).words))
    if gpus and record.point.device == "cuda" and record.energy and record.energy.gpu:
        checks += _power_checks(record.energy.gpu, gpus)
    if not checks:
        reasons = dict.fromkeys(
            row.absent[name] for row in rows for name in ("flops", "floor_s") if name in row.absent
        )
        if disturbed:
            reasons[too_low(disturbed)] = None
        return not_applicable(NAME, "; ".join(reasons))
    return conclude(NAME, checks)


class _Rate(NamedTuple):
    """How fast a stage did its work, of what is allowed."""

    utilisation: float
    words: str
    figures: tuple[FigureKind, ...]
    """What is wrong where this cannot be."""


def _rates(rows: Sequence[StageRoofline], ceiling: str, least_bytes: float) -> list[_Rate]:
    """FLOP/s against one ceiling, and bytes per second of the stages that move enough of them."""
    rates = []
    for row in rows:
        whole = row.stage == WHOLE
        if row.ceiling != ceiling or row.flops is None or row.bytes is None:
            continue
        if row.mfu is not None and row.peak_flops_per_s is not None:
            done, limit = row.flops / row.time_s / 1e12, row.peak_flops_per_s / 1e12
            words = f"{row.stage}: {done:.4g} TFLOP/s of at most {limit:.4g} ({row.source})"
            rates.append(_Rate(row.mfu, words, ("latency", "flops") if whole else ("stages",)))
        if row.mbu is not None and row.peak_bytes_per_s is not None and row.bytes >= least_bytes:
            done, limit = row.bytes / row.time_s / 1e9, row.peak_bytes_per_s / 1e9
            words = f"{row.stage}: {done:.4g} GB/s of at most {limit:.4g} ({row.source})"
            rates.append(_Rate(row.mbu, words, ("latency",) if whole else ("stages",)))
    return rates


def _streamed(ceilings: Ceilings | None) -> float:
    """Bytes from which the measured bandwidth holds: what fits the caches may be read faster than memory is."""
    return ceilings.buffer_bytes if ceilings else 0


def _power_checks(joules: Joules, gpus: Sequence[Gpu]) -> Iterator[Check]:
    """Mean power lies between that of the idle device and the board's limit; of several GPUs between the
    sums.
    """
    limits = [gpu.power_limit_w for gpu in gpus if gpu.power_limit_w is not None]
    if len(limits) == len(gpus):
        limit_w = sum(limits)
        within = joules.mean_w <= limit_w * (1 + SENSOR)
        words = f"{joules.mean_w:.0f} W of at most {limit_w:.0f} W" + (
            f" of {len(gpus)} GPUs" if len(gpus) > 1 else ""
        )
        yield Check("pass" if within else "fail", words, ("energy",))
    if joules.idle_w is not None:
        within = joules.mean_w >= joules.idle_w * (1 - SENSOR)
        yield Check(
            "pass" if within else "fail",
            f"{joules.mean_w:.0f} W at work, {joules.idle_w:.0f} W idle",
            ("energy",),
        )
