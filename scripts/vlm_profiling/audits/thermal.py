"""The audit of throttling, of load by other processes, and of the temperature at the start."""

from __future__ import annotations

from collections.abc import Iterator
from statistics import median

from vlm_profiling.audits.base import Check, Context, FigureKind, Finding, conclude, graded, not_applicable
from vlm_profiling.record.schema import RunRecord
from vlm_profiling.record.telemetry import ClockStats, Telemetry
from vlm_profiling.study.point import AXIS_NAMES

NAME = "thermal"
ASKS = "Was the device throttled, loaded by other processes, or warmer at the start than in compared runs?"

WARM_C, HOT_C = 10.0, 20.0
"""The distance from the compared runs' median start temperature above which it warns and fails."""
DROPPED, DROPPED_FAR = 0.05, 0.15
"""The share by which a GPU's mean clock is below its maximum in the pass, above which it warns and fails."""
CPU_DROPPED = 0.1
"""The same share for a processor, whose clock follows the load of each core anyway: it only warns."""
SHARED, SHARED_FAR = 0.1, 0.3
"""The share of the usable cores' time that other processes used, above which it warns and fails: threads wait
for the slowest of them, and on two cores one busy process was seen to make batches twenty times as slow."""
FAULTS = ("hw_slowdown", "sw_thermal_slowdown", "hw_thermal_slowdown", "hw_power_brake")
"""The clock limits that no run should meet: heat, or too little power from outside."""
LIMITS = ("sw_power_cap", "sync_boost", "display_clocks", "board_limit", "reliability")
"""The clock limits of the board and its settings: this board is no faster, another one may be."""

MARKED: tuple[FigureKind, ...] = ("latency", "energy", "stages")


def judge(context: Context) -> Finding:
    """The finding about the device's telemetry and its start temperature, compared along every axis."""
    record = context.record
    checks = list(_start(context))
    if record.telemetry:
        checks += _gpu(record.telemetry) if record.point.device == "cuda" else _cpu(record.telemetry)
    return (
        conclude(NAME, checks)
        if checks
        else not_applicable(NAME, "no temperature, clock or load was measured")
    )


def _start(context: Context) -> Iterator[Check]:
    own = _start_c(context.record)
    if own is None:
        return
    compared = {record.key: record for axis in AXIS_NAMES for record in context.along(axis)}
    others = [start for start in map(_start_c, compared.values()) if start is not None]
    middle, end = median(others), _end_c(context.record)
    words = f"started at {own:.0f} °C, the median of {len(others)} compared runs at {middle:.0f} °C"
    words += f", ended at {end:.0f} °C" if end is not None else ""
    yield Check(graded(abs(own - middle), WARM_C, HOT_C), words, ("latency", "energy"))


def _gpu(telemetry: Telemetry) -> Iterator[Check]:
    """The checks of each GPU by itself: the mean of several clocks would hide one that dropped."""
    for number, board in enumerate(telemetry.boards or [telemetry]):
        name = f"GPU {number}: " if telemetry.boards else ""
        if board.clock_limits is not None:
            limits = {limit: share for limit, share in board.clock_limits.items() if limit in FAULTS + LIMITS}
            words = ", ".join(
                f"{limit} in {share:.0%} of {telemetry.n} samples" for limit, share in limits.items()
            )
            verdict = "fail" if limits.keys() & set(FAULTS) else "warn"
            yield (
                Check(verdict, f"{name}clock limited: {words}", MARKED)
                if limits
                else Check("pass", f"{name}clock never limited")
            )
        if board.sm_clock:
            words = name + _clock_words("SM", board.sm_clock)
            yield Check(graded(_drop(board.sm_clock), DROPPED, DROPPED_FAR), words, MARKED)


def _cpu(telemetry: Telemetry) -> Iterator[Check]:
    if telemetry.load_by_others:
        load = telemetry.load_by_others
        words = f"other processes used {load.mean:.0%} of the cores' time ({load.min:.0%} to {load.max:.0%})"
        yield Check(graded(load.mean, SHARED, SHARED_FAR), words, MARKED)
    if telemetry.cpu_clock:
        dropped = _drop(telemetry.cpu_clock) > CPU_DROPPED
        yield Check("warn" if dropped else "pass", _clock_words("core", telemetry.cpu_clock), MARKED)


def _drop(clock: ClockStats) -> float:
    return 1 - clock.mean_mhz / clock.max_mhz


def _clock_words(name: str, clock: ClockStats) -> str:
    mean, highest = f"{clock.mean_mhz:.0f} MHz", f"{clock.max_mhz:.0f} MHz"
    return f"{name} clock {mean} on average, {_drop(clock):.0%} below its maximum ({highest})"


def _start_c(record: RunRecord) -> float | None:
    if record.energy and record.energy.gpu and record.energy.gpu.temperature_start_c is not None:
        return record.energy.gpu.temperature_start_c
    return record.telemetry.temperature.first_c if record.telemetry and record.telemetry.temperature else None


def _end_c(record: RunRecord) -> float | None:
    if record.energy and record.energy.gpu and record.energy.gpu.temperature_end_c is not None:
        return record.energy.gpu.temperature_end_c
    return record.telemetry.temperature.last_c if record.telemetry and record.telemetry.temperature else None
