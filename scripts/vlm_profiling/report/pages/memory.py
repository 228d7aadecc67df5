"""Memory: what was predicted of a run before it, and what was measured."""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from vlm_profiling.metrics.estimate import BYTES, Estimate, Unit, best_unit
from vlm_profiling.record.machine import GpuMemory
from vlm_profiling.report.markdown import escape_markdown
from vlm_profiling.report.table import Block, Cell, Column, Prose, Table, Term, number, percent, significant
from vlm_profiling.tables.row import RunRow


class Part(NamedTuple):
    """A part of a run's memory."""

    title: str
    predicted: str
    """Column of the table of runs."""
    measured: str | None
    """Column of the table of runs, if the part is measured."""
    about: str
    strong: bool = False


PARTS = (
    Part(
        "Weights and buffers",
        "predicted_weight_bytes",
        "checkpoint_weight_bytes",
        "bytes of all parameters and buffers as loaded",
    ),
    Part(
        "Keys and values of the largest batch",
        "predicted_kv_cache_bytes",
        "kv_cache_bytes",
        "cache of the longest batch at its last token",
    ),
    Part(
        "Activations at the peak",
        "predicted_activation_bytes",
        None,
        "the largest set of tensors alive at once, besides weights and cache",
    ),
    Part(
        "Allocated by torch",
        "predicted_allocated_bytes",
        "peak_allocated_bytes",
        "most bytes that torch held allocated",
        strong=True,
    ),
    Part(
        "Context, libraries, unused cache of the allocator",
        "predicted_overhead_bytes",
        None,
        "what the process holds besides torch's tensors",
    ),
    Part(
        "The whole process",
        "predicted_peak_bytes",
        "peak_process_bytes",
        "high-water mark of the resident set, or of the GPU's memory",
        strong=True,
    ),
)


def memory_blocks(row: RunRow) -> list[Block]:
    """One run's memory in its parts, predicted and measured, and their ratio."""
    columns = [name for part in PARTS for name in (part.predicted, part.measured) if name]
    values = [value for name in columns if (value := getattr(row, name)) is not None]
    unit = best_unit(BYTES, [Estimate(value) for value in values])
    lines: list[list[Cell]] = []
    for part in PARTS:
        predicted = getattr(row, part.predicted)
        measured = getattr(row, part.measured) if part.measured else None
        ratio = predicted / measured if predicted is not None and measured else None
        lines.append(
            [
                Term(part.title, about=part.about, strong=part.strong),
                number(predicted, unit),
                number(measured, unit),
                percent(ratio),
            ]
        )
    heads = [
        Column("Memory", text=True),
        Column(
            f"Predicted ({unit.name})", about="before the run, from the model's cost and its largest batch"
        ),
        Column(f"Measured ({unit.name})", about="the peak over the headline pass"),
        Column("Predicted, % of measured", about="predicted over measured bytes"),
    ]
    reasons = msgspec.json.decode(row.memory_absent or "{}", type=dict[str, str])
    notes = [f"Predicted from {escape_markdown(row.predicted_basis or '')}."]
    notes += [
        f"{part.title}, not measured: {escape_markdown(reasons[part.measured])}."
        for part in PARTS
        if part.measured in reasons
    ]
    if row.gpus > 1:
        notes.append(_by_gpu(row, unit))
    if not row.ok:
        reason = escape_markdown(row.reason or "no reason recorded")
        notes.append(f"The run ended without results: **{row.status}**: {reason}.")
    return [Table(heads, lines, sortable=False), *(Prose(note, note=True) for note in notes)]


def _by_gpu(row: RunRow, unit: Unit) -> str:
    """What the sums over several GPUs are made of: each one's own peak."""
    peaks = msgspec.json.decode(row.peaks_by_gpu or "[]", type=list[GpuMemory])
    each = " + ".join(significant(peak.peak_allocated_bytes / unit.size) for peak in peaks)
    measured = f" (allocated by torch: {each} {unit.name})" if each else ""
    share = row.predicted_per_gpu_bytes
    even = (
        "" if share is None else f" If they were filled evenly, {significant(share / unit.size)} {unit.name} "
    )
    predicted = f"{even}were predicted of each." if even else ""
    return (
        f"Measured values are sums of the peaks of {row.gpus} GPUs{measured}: an upper limit of what they "
        f"held at any one time.{predicted}"
    )
