"""Whether compared runs started equally warm."""

from __future__ import annotations

from statistics import median

from vlm_profiling.audits.base import Check, Context, Finding, conclude, graded, not_applicable
from vlm_profiling.record.schema import Record
from vlm_profiling.study.config import AXES

NAME = "thermal"
ASKS = "Did the runs that are compared start at the same temperature?"

WARM_C, HOT_C = 10.0, 20.0
"""Distance to the median start of the compared runs above which it warns and fails."""


def judge(context: Context) -> Finding:
    """The start temperature of the GPU against those of all runs of an axis with it. Throttling is not recorded yet."""
    own = _start_c(context.record)
    if own is None:
        return not_applicable(NAME, "no temperature in the record")
    compared = {record.key: record for axis in AXES for record in context.along(axis)}
    others = [start for start in map(_start_c, compared.values()) if start is not None]
    middle = median(others)
    energy = context.record.energy
    end = energy.gpu.temperature_end_c if energy and energy.gpu else None
    words = f"started at {own:.0f} °C, {len(others)} compared runs at {middle:.0f} °C (median)"
    words += f", ended at {end:.0f} °C" if end is not None else ""
    return conclude(NAME, [Check(graded(abs(own - middle), WARM_C, HOT_C), words, ("latency", "energy"))])


def _start_c(record: Record) -> float | None:
    return record.energy.gpu.temperature_start_c if record.energy and record.energy.gpu else None
