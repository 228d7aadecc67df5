"""Memory on the pages: what was predicted of a run before it, beside what it took."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from vlm_profiling.metrics.estimate import BYTES, Estimate, Unit, best_unit
from vlm_profiling.record.absent import Absent
from vlm_profiling.record.machine import GpuMemory
from vlm_profiling.report.markdown import escape_markdown, table
from vlm_profiling.report.pages.tables import NOTHING, show
from vlm_profiling.tables.row import RunRow

PARTS = (
    ("Weights and buffers", "predicted_weight_bytes", "checkpoint_weight_bytes"),
    ("Keys and values of the largest batch", "predicted_kv_cache_bytes", "kv_cache_bytes"),
    ("Activations at the peak", "predicted_activation_bytes", None),
    ("**Allocated by torch**", "predicted_allocated_bytes", "peak_allocated_bytes"),
    ("Context, libraries, allocator's rest", "predicted_overhead_bytes", None),
    ("**The whole process**", "predicted_peak_bytes", "peak_process_bytes"),
)
"""A part's name, the column that predicts it, and the one that measures it, if any does."""


def predicted_memory(cells: Sequence[RunRow]) -> list[RunRow]:
    """The cells that have a prediction, those that ran out of memory among them."""
    return [cell for cell in cells if cell.predicted_peak_bytes is not None]


def memory_table(cell: RunRow) -> str:
    """One run's memory in its parts, predicted and measured, and below it how far apart they are."""
    names = [name for _, *pair in PARTS for name in pair if name]
    unit = best_unit(
        BYTES, [Estimate(value) for value in (getattr(cell, name) for name in names) if value is not None]
    )
    rows = []
    for part, predicted, measured in PARTS:
        values = [getattr(cell, name) if name else None for name in (predicted, measured)]
        ratio = f"{100 * values[0] / values[1]:.1f}" if values[0] is not None and values[1] else NOTHING
        rows.append(
            [part, *(NOTHING if value is None else show(Estimate(value), unit) for value in values), ratio]
        )
    heading = ["Memory", f"Predicted ({unit.name})", f"Measured ({unit.name})", "Predicted, % of measured"]
    reasons = msgspec.json.decode(cell.memory_absent or "{}", type=dict[str, str])
    notes = [f"Predicted from {escape_markdown(cell.predicted_basis or '')}."]
    notes += [
        f"{part.strip('*')}, not measured: {escape_markdown(reasons[measured])}."
        for part, _, measured in PARTS
        if measured in reasons
    ]
    if cell.gpus > 1:
        notes.append(_by_gpu(cell, unit))
    if not cell.ok:
        notes.append(
            f"The run ended without figures: {show(Absent(cell.reason or NOTHING, cell.status), unit, with_reason=True)}."
        )
    return "\n\n".join([table(heading, rows), *notes])


def _by_gpu(cell: RunRow, unit: Unit) -> str:
    """What sums over several GPUs are, and each one's own peak."""
    peaks = msgspec.json.decode(cell.peaks_by_gpu or "[]", type=list[GpuMemory])
    each = [show(Estimate(peak.peak_allocated_bytes), unit) for peak in peaks]
    measured = f", allocated by torch {' + '.join(each)} {unit.name}" if each else ""
    even = (
        ""
        if cell.predicted_per_gpu_bytes is None
        else f"{show(Estimate(cell.predicted_per_gpu_bytes), unit)} {unit.name} of each"
    )
    return (
        f"Figures are sums over {cell.gpus} GPUs of each one's own peak{measured}: together they never held more. "
        f"Predicted were {even}, were they filled evenly."
    )
