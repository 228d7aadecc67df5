"""The audit of figures against the limits of the hardware."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from vlm_profiling.audits.base import Check, Context, FigureKind, Finding, Verdict, conclude, not_applicable
from vlm_profiling.cost.roofline.ceilings import Ceilings
from vlm_profiling.cost.roofline.roofline import ABOVE_MEASURED, WHOLE, StageRoofline, run_roofline, too_low
from vlm_profiling.record.machine import Gpu, Joules

NAME = "physical floor"
ASKS = "Can the hardware reach every figure: FLOP/s, bytes per second, watts?"

SENSOR = 0.05
"""The relative error of a board's power sensor (arXiv 2312.02741)."""


def judge(context: Context) -> Finding:
    """The finding about each stage against datasheet and measured ceilings, and power against its limits.

    Ceilings measured while other processes used the processor are too low and are not used.
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
    """The rate of a stage as a share of its limit."""

    utilisation: float
    words: str
    figures: tuple[FigureKind, ...]
    """The figures that a rate above its limit concerns."""


def _rates(rows: Sequence[StageRoofline], ceiling: str, least_bytes: float) -> list[_Rate]:
    """The FLOP/s of stages against a ceiling, and the bytes/s of those that move at least `least_bytes`."""
    rates = []
    for row in rows:
        whole = row.stage == WHOLE
        if row.ceiling != ceiling or row.flops is None or row.bytes is None:
            continue
        if row.mfu is not None and row.peak_flops_per_s is not None:
            done, limit = row.flops / row.time_s / 1e12, row.peak_flops_per_s / 1e12
            words = f"{row.stage}: {done:.4g} TFLOP/s, limit {limit:.4g} ({row.source})"
            rates.append(_Rate(row.mfu, words, ("latency", "flops") if whole else ("stages",)))
        if row.mbu is not None and row.peak_bytes_per_s is not None and row.bytes >= least_bytes:
            done, limit = row.bytes / row.time_s / 1e9, row.peak_bytes_per_s / 1e9
            words = f"{row.stage}: {done:.4g} GB/s, limit {limit:.4g} ({row.source})"
            rates.append(_Rate(row.mbu, words, ("latency",) if whole else ("stages",)))
    return rates


def _streamed(ceilings: Ceilings | None) -> float:
    """The fewest bytes for which the measured bandwidth is a limit: fewer may be read from caches."""
    return ceilings.buffer_bytes if ceilings else 0


def _power_checks(joules: Joules, gpus: Sequence[Gpu]) -> Iterator[Check]:
    """The checks of mean power against the idle power and the board's limit; of several GPUs, their sums."""
    limits = [gpu.power_limit_w for gpu in gpus if gpu.power_limit_w is not None]
    if len(limits) == len(gpus):
        limit_w = sum(limits)
        within = joules.mean_w <= limit_w * (1 + SENSOR)
        words = f"mean power {joules.mean_w:.0f} W, limit {limit_w:.0f} W"
        words += f" of {len(gpus)} GPUs" if len(gpus) > 1 else ""
        yield Check("pass" if within else "fail", words, ("energy",))
    if joules.idle_w is not None:
        within = joules.mean_w >= joules.idle_w * (1 - SENSOR)
        words = f"mean power {joules.mean_w:.0f} W, idle {joules.idle_w:.0f} W"
        yield Check("pass" if within else "fail", words, ("energy",))
