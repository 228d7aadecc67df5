"""Tables of runs: at the baseline, along an axis, anywhere in the grid, and those without results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import msgspec

from vlm_profiling.metrics.catalog import METRICS, Metric
from vlm_profiling.metrics.estimate import Entry, Estimate, best_unit, marked_like
from vlm_profiling.report.comparison.pairs import estimate_ratios, flagged_latency_ratios
from vlm_profiling.report.pages.parts import (
    ABOUT_VERDICTS,
    LATENCY,
    flag_notes,
    linked_model,
    metric_columns,
    metrics_present,
    notes_on,
    quality_metrics,
    ratio_column,
    table_of_columns,
)
from vlm_profiling.report.table import (
    NOTHING,
    Block,
    Cell,
    Column,
    Number,
    Prose,
    Table,
    Tag,
    Term,
    any_estimate,
    count,
)
from vlm_profiling.report.words import settings, value_label
from vlm_profiling.statistics.compare import Times
from vlm_profiling.study.axes import AXES
from vlm_profiling.tables.identity import RunKey
from vlm_profiling.tables.row import RunRow

WHERE_PRESENT = ("vqa_accuracy", "choice_accuracy", "cider_d", "bleu_4", "rouge_l")
"""Ids of the metrics that a model's page lists where a data set has them."""
NOT_LISTED = (
    *("energy_per_token_j", "energy_window_j", "mean_power_w", "padding_share"),
    *("batch_vision_flops", "batch_project_flops", "batch_prefill_flops", "batch_decode_flops"),
)
"""Those that are elsewhere on the page."""
AT_BASELINE = tuple(
    metric.id
    for metric in METRICS.values()
    if metric.table == "runs" and metric.kind and metric.id not in WHERE_PRESENT + NOT_LISTED
)
"""All others that audits can mark."""
TOKENS = ("prompt_tokens", "image_tokens", "generated_tokens")
SIZE_SEEN = "width × height of the image after the image processor"
INPUT_COLUMNS = {
    "effective_sizes": SIZE_SEEN,
    "image_tokens_mean": METRICS["image_tokens"].definition,
    "prompt_tokens_mean": METRICS["prompt_tokens"].definition,
    "truncated_samples": "samples whose text was longer than the limit and was cut",
    "lengthened_samples": "samples whose text was repeated to reach the length",
    "frames_mean": "frames of a video that the model was given, mean",
}
"""The columns of the table of runs that say what an axis changed, with their definitions."""


def axis_blocks(axis: str, line: Sequence[RunRow], times: Mapping[RunKey, Times]) -> list[Block]:
    """The runs of one model and data set along an axis.

    Args:
        axis: the name of the axis.
        line: its runs, in the order of the axis's values.
        times: batch times of the runs, s; needed for the optimization axis only.
    """
    info = AXES[axis]
    labels = [_axis_value(axis, row) for row in line]
    columns = [
        (Column(info.title, about=info.meaning.rstrip("."), text=info.size is None), labels),
        *_input_columns(axis, line),
        *metric_columns([LATENCY], line),
    ]
    relative = axis == "optimization"
    if relative:
        columns.append(ratio_column(LATENCY, flagged_latency_ratios(line, times)))
    work = [METRICS["energy_per_sample_j"], METRICS["batch_flops"]]
    for metric in work:
        columns += metric_columns([metric], line)
        if relative and metrics_present([metric.id], line):
            columns.append(ratio_column(metric, _ratios(metric, line)))
    shown = [LATENCY, *work]
    notes = [*_without_effect(axis, line), *([ABOUT_VERDICTS] if relative else [])]
    if any_estimate(row.estimate("wer") for row in line):
        quality = quality_metrics(line)
        columns += metric_columns(quality, line)
        shown += quality
        notes += [info.given.about_quality] if info.given and info.given.about_quality else []
    explained = [Prose(note, note=True) for note in notes]
    return [table_of_columns(columns), *notes_on(line, shown), *explained, *flag_notes(line, shown)]


def baseline_blocks(rows: Sequence[RunRow]) -> list[Block]:
    """Every metric of a model at the baseline, a row each; a column for each data set."""
    metrics = [METRICS[name] for name in AT_BASELINE] + metrics_present(WHERE_PRESENT, rows)
    lines: list[list[Cell]] = []
    for metric in metrics:
        entries = [row.estimate(metric.id) for row in rows]
        unit = best_unit(metric.units, entries)
        cells = [Number(entry, unit, with_n=True, absent="reason") for entry in entries]
        lines.append([Term(f"{metric.title} ({unit.name})", metric.id), *cells])
    for name in TOKENS:
        metric = METRICS[name]
        lines.append([Term(f"{metric.title}, mean", name), *(count(_value(row, name)) for row in rows)])
    padding = [_value(row, "padding_share") for row in rows]
    lines.append(
        [
            Term("FLOPs spent on padding (%)", "padding_share"),
            *(count(None if share is None else 100 * share) for share in padding),
        ]
    )
    lines.append(
        [Term("Noise of the latency between repetitions (%)", "repeats_noise"), *map(_repeats, rows)]
    )
    lines.append([Term("Image seen by the model (px)", about=SIZE_SEEN), *map(_sizes, rows)])
    heads = [Column("Metric", text=True), *(Column(row.dataset, about="at the baseline") for row in rows)]
    return [Table(heads, lines, sortable=False), *flag_notes(rows, metrics)]


def models_blocks(rows: Sequence[RunRow]) -> list[Block]:
    """A row for each model at the baseline on one data set."""
    names = ("energy_per_sample_j", "batch_flops", "peak_memory_bytes")
    shown = [LATENCY, *(METRICS[name] for name in names), *quality_metrics(rows)]
    models: list[Cell] = [linked_model(row) for row in rows]
    columns = [(Column("Model", text=True), models), *metric_columns(shown, rows)]
    table = replace(table_of_columns(columns), filter_from=5)
    return [table, *notes_on(rows, shown), *flag_notes(rows, shown)]


def runs_blocks(rows: Sequence[RunRow]) -> list[Block]:
    """Runs of one model anywhere in the grid, a row each."""
    shown = [LATENCY, METRICS["energy_per_sample_j"], METRICS["batch_flops"], *quality_metrics(rows)]
    columns: list[tuple[Column, list[Cell]]] = [
        (Column("Data set", text=True), [row.dataset for row in rows]),
        (Column("Settings", text=True), [settings(row.point) for row in rows]),
        *metric_columns(shown, rows),
    ]
    return [table_of_columns(columns), *notes_on(rows, shown), *flag_notes(rows, shown)]


def failures_blocks(rows: Sequence[RunRow]) -> list[Block]:
    """Runs without results, with the reason of each."""
    heads = [Column(title, text=True) for title in ("Model", "Data set", "Settings", "Status", "Reason")]
    lines = [
        [linked_model(row), row.dataset, settings(row.point), Tag(row.status), row.reason or NOTHING]
        for row in rows
    ]
    return [Table(heads, lines)]


def _axis_value(axis: str, row: RunRow) -> Cell:
    value = getattr(row, axis)
    return count(value) if isinstance(value, int) else value_label(axis, value)


def _value(row: RunRow, name: str) -> float | None:
    entry = row.estimate(name)
    return entry.value if isinstance(entry, Estimate) else None


def _ratios(metric: Metric, rows: Sequence[RunRow]) -> list[Entry]:
    """Each run's estimate over the first one's. FLOPs are exact for the same samples: no interval."""
    entries = [row.estimate(metric.id) for row in rows]
    if metric.id == "batch_flops":
        entries = [
            replace(entry, interval=None, n=None) if isinstance(entry, Estimate) else entry
            for entry in entries
        ]
    ratios = zip(entries, estimate_ratios(entries), strict=True)
    return [marked_like(ratio, (entry, entries[0])) for entry, ratio in ratios]


def _input_columns(axis: str, rows: Sequence[RunRow]) -> list[tuple[Column, list[Cell]]]:
    """What an axis really changed of the input."""
    given = AXES[axis].given
    return [
        (
            Column(title, about=INPUT_COLUMNS.get(name, "")),
            [_sizes(row) if name == "effective_sizes" else count(getattr(row, name)) for row in rows],
        )
        for title, name in (given.columns if given else {}).items()
    ]


def _without_effect(axis: str, rows: Sequence[RunRow]) -> list[str]:
    """A note where an axis cannot have changed compute, as every run was given the same input."""
    given = AXES[axis].given
    if given is None:
        return []
    seen = [tuple(getattr(row, name) for name in given.columns.values()) for row in rows if row.ok]
    return [given.unmoved] if len(seen) > 1 and len(set(seen)) == 1 and None not in seen[0] else []


def _sizes(row: RunRow) -> str:
    """The sizes that the model saw, most frequent first: 448×336 (60 samples), 336×448 (36 samples)."""
    sizes = msgspec.json.decode(row.effective_sizes or "{}", type=dict[str, int])
    if not sizes:
        return NOTHING
    frequent = sorted(sizes.items(), key=lambda item: -item[1])
    words = [
        size.replace("x", "×") + (f" ({samples} samples)" if len(sizes) > 1 else "")
        for size, samples in frequent[:2]
    ]
    return ", ".join(words) + (f" and {len(sizes) - 2} other sizes" if len(sizes) > 2 else "")


def _repeats(row: RunRow) -> Cell:
    """How far the mean of the same few batches moves from repetition to repetition."""
    if row.repeats_noise is None:
        return row.section_absent("repeats") or NOTHING
    return f"{100 * row.repeats_noise:.3g} ({row.repeats_rounds} repetitions, stopped: {row.repeats_stopped})"
