"""A model's charts: one message each, along one axis of the study."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import altair as alt

from vlm_profiling.metrics.estimate import JOULES, PERCENT, SECONDS, Entry, Estimate, best_unit, marked_like
from vlm_profiling.record.absent import Absent
from vlm_profiling.report.charts.panels import (
    GAP,
    MODEL_COLOURS,
    WIDTH,
    Axes,
    Mark,
    Panel,
    PanelChart,
    draw_panel,
    finish,
    note,
    panel_rows,
)
from vlm_profiling.report.comparison.pairs import latency_ratios
from vlm_profiling.report.words import INTERVAL, settings, value_label
from vlm_profiling.statistics.compare import Times
from vlm_profiling.study.axes import AXES
from vlm_profiling.tables.identity import RunKey
from vlm_profiling.tables.row import RunRow
from vlm_profiling.tables.study_tables import Cells

HALF = (WIDTH - GAP) // 2
Line = Sequence[RunRow]
"""Cells of one data set along an axis."""


def model_chart(cells: Cells, model: str, name: str, times: Mapping[RunKey, Times]) -> alt.VConcatChart:
    """The chart of one name of `files.model_charts`: an axis, or an axis with _quality.

    `times` are the batch times of the cells on the optimization axis.
    """
    axis = name.removesuffix("_quality")
    lines, colour = cells.axis(model, axis), model_colour(cells, model)
    if not lines:
        return finish([note("Every cell of this axis is excluded.")], f"{model}: {AXES[axis].word}", "")
    if name != axis:
        return _quality_chart(model, axis, lines, colour)
    if axis == "optimization":
        return _optimization_chart(model, lines, colour, times)
    if AXES[axis].given is None and any(
        isinstance(entry, Estimate) for entry in _entries(lines, "energy_per_sample_j")
    ):
        return _latency_energy_chart(model, axis, lines, colour)
    return _latency_chart(model, axis, lines, colour)


def model_colour(cells: Cells, model: str) -> str:
    """A model's colour, the same in every chart of the study."""
    return MODEL_COLOURS[list(cells.study.models).index(model) % len(MODEL_COLOURS)]


def _latency_chart(model: str, axis: str, lines: Sequence[Line], colour: str) -> alt.VConcatChart:
    panels = [_panel(axis, line, "generate_s") for line in lines]
    rows = panel_rows(panels, _latency_axes(axis, lines, colour))
    title = f"{model}: latency by {AXES[axis].word}"
    absent = [
        entry
        for entry in _entries(lines, "energy_per_sample_j")
        if isinstance(entry, Absent) and not entry.status
    ]
    without = f" No energy: {'; '.join(dict.fromkeys(entry.reason for entry in absent))}." if absent else ""
    subtitle = _latency_subtitle(axis, lines) + (without if AXES[axis].given is None else "")
    return finish(rows, title, subtitle, _entries(lines, "generate_s"))


def _latency_energy_chart(model: str, axis: str, lines: Sequence[Line], colour: str) -> alt.VConcatChart:
    axes = _latency_axes(axis, lines, colour)
    rows = [
        alt.hconcat(
            draw_panel(_panel(axis, line, "generate_s"), axes, HALF), _energy_panel(axis, line, colour)
        )
        for line in lines
    ]
    title = f"{model}: latency and energy by {AXES[axis].word}"
    return finish(
        rows, title, _latency_subtitle(axis, lines), _entries(lines, "generate_s", "energy_per_sample_j")
    )


def _energy_panel(axis: str, line: Line, colour: str) -> PanelChart:
    """Energy of the device that did the work, or a note where no cell has any."""
    panel = _panel(axis, line, "energy_per_sample_j")
    entries = [mark.entry for mark in panel.marks]
    reasons = dict.fromkeys(
        entry.reason for entry in entries if isinstance(entry, Absent) and not entry.status
    )
    if all(isinstance(entry, Absent) for entry in entries):
        return note(f"No energy: {'; '.join(reasons) or 'no run finished'}", HALF)
    unit = best_unit(JOULES, entries)
    axes = Axes(
        AXES[axis].title,
        f"Energy per sample ({unit.name})",
        unit,
        colour,
        line=AXES[axis].size is not None,
    )
    return draw_panel(panel, axes, HALF)


def _optimization_chart(
    model: str, lines: Sequence[Line], colour: str, times: Mapping[RunKey, Times]
) -> alt.VConcatChart:
    original = lines[0][0].optimization
    panels = []
    for line in lines:
        ratios = [
            marked_like(ratio, (cell.estimate("generate_s"), line[0].estimate("generate_s")))
            for cell, ratio in zip(line, latency_ratios(line, times), strict=True)
        ]
        marks = [Mark(cell.optimization, ratio) for cell, ratio in zip(line, ratios, strict=True)]
        panels.append(Panel(line[0].dataset, marks))
    axes = Axes(AXES["optimization"].title, f"Latency, % of {original}", PERCENT, colour, line=False)
    held = settings(lines[0][0].point, "optimization")
    subtitle = f"{held}. generate() per batch relative to {original}, batch by batch; rules: {INTERVAL} over batches."
    title = f"{model}: what each optimization does to latency"
    return finish(
        panel_rows(panels, axes), title, subtitle, [mark.entry for panel in panels for mark in panel.marks]
    )


def _quality_chart(model: str, axis: str, lines: Sequence[Line], colour: str) -> alt.VConcatChart:
    exact = Axes(AXES[axis].title, "Exact match (%)", PERCENT, colour, line=True)
    errors = Axes(AXES[axis].title, "Word error rate (%)", PERCENT, colour, line=True)
    rows = [
        alt.hconcat(
            draw_panel(_panel(axis, line, "exact_match"), exact, HALF),
            draw_panel(_panel(axis, line, "wer"), errors, HALF),
        )
        for line in lines
    ]
    held = settings(lines[0][0].point, axis)
    subtitle = f"{held}. Exact match: more is better; word error rate: less. Rules: {INTERVAL} over samples."
    return finish(
        rows,
        f"{model}: quality by {AXES[axis].word}",
        subtitle,
        _entries(lines, "exact_match", "wer"),
    )


def _entries(lines: Sequence[Line], *quantities: str) -> list[Entry]:
    """All figures that a chart shows of these quantities."""
    return [cell.estimate(quantity) for line in lines for cell in line for quantity in quantities]


def _panel(axis: str, line: Line, quantity: str) -> Panel:
    """One metric of the cells, by its id."""
    return Panel(
        line[0].dataset,
        [Mark(value_label(axis, getattr(cell, axis)), cell.estimate(quantity)) for cell in line],
    )


def _latency_axes(axis: str, lines: Sequence[Line], colour: str) -> Axes:
    unit = best_unit(SECONDS, [cell.estimate("generate_s") for line in lines for cell in line])
    return Axes(
        AXES[axis].title,
        f"Latency per batch ({unit.name})",
        unit,
        colour,
        line=AXES[axis].size is not None,
    )


def _latency_subtitle(axis: str, lines: Sequence[Line]) -> str:
    batches = [
        entry.n
        for entry in _entries(lines, "generate_s")
        if isinstance(entry, Estimate) and entry.n is not None
    ]
    held = settings(lines[0][0].point, axis)
    if not batches:
        return f"{held}. No run finished."
    n = f"{min(batches)} to {max(batches)}" if min(batches) < max(batches) else f"{max(batches)}"
    return f"{held}. generate() per batch, mean of n = {n} batches; rules: {INTERVAL} of the mean."
