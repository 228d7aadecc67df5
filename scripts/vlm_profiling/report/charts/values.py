"""A model's latency along an axis, with its energy where the axis leaves the input the same."""

from __future__ import annotations

from collections.abc import Sequence

import altair as alt

from vlm_profiling.metrics.catalog import METRICS
from vlm_profiling.metrics.estimate import PERCENT, Entry, Estimate, best_unit
from vlm_profiling.record.absent import Absent
from vlm_profiling.report.charts.chart import Chart
from vlm_profiling.report.charts.panels import (
    HALF,
    ChartStyle,
    Line,
    Panel,
    PanelChart,
    Value,
    draw_panel,
    entries_of,
    excluded,
    finish,
    metric_panel,
    note,
    panel_rows,
)
from vlm_profiling.report.charts.rows import model_colour
from vlm_profiling.report.comparison.pairs import flagged_latency_ratios
from vlm_profiling.report.markdown import has_status
from vlm_profiling.report.table import any_estimate
from vlm_profiling.report.words import INTERVAL, settings
from vlm_profiling.study.axes import AXES
from vlm_profiling.tables.study_tables import StudyTables

LATENCY, ENERGY = METRICS["generate_s"], METRICS["energy_per_sample_j"]


def draw(tables: StudyTables, chart: Chart) -> alt.VConcatChart:
    """A panel for each data set; energy in panels of its own."""
    model, axis = chart.model, chart.axis
    lines, colour = tables.runs.axis(model, axis), model_colour(tables.study, model)
    if not lines:
        return excluded(f"{model}: {AXES[axis].word}")
    if axis == "optimization":
        return _optimization_chart(tables, model, lines, colour)
    if AXES[axis].given is None and any_estimate(entries_of(lines, ENERGY.id)):
        return _latency_energy_chart(model, axis, lines, colour)
    return _latency_chart(model, axis, lines, colour)


def _latency_chart(model: str, axis: str, lines: Sequence[Line], colour: str) -> alt.VConcatChart:
    panels = [metric_panel(axis, line, LATENCY.id) for line in lines]
    rows = panel_rows(panels, _latency_style(axis, lines, colour))
    title = f"{model}: latency by {AXES[axis].word}"
    reasons = _reasons(entries_of(lines, ENERGY.id))
    without = f" No energy: {reasons}." if reasons and AXES[axis].given is None else ""
    return finish(rows, title, _latency_subtitle(axis, lines) + without, entries_of(lines, LATENCY.id))


def _latency_energy_chart(model: str, axis: str, lines: Sequence[Line], colour: str) -> alt.VConcatChart:
    style = _latency_style(axis, lines, colour)
    rows = [
        alt.hconcat(
            draw_panel(metric_panel(axis, line, LATENCY.id), style, HALF), _energy_panel(axis, line, colour)
        )
        for line in lines
    ]
    title = f"{model}: latency and energy by {AXES[axis].word}"
    shown = entries_of(lines, LATENCY.id, ENERGY.id)
    return finish(rows, title, _latency_subtitle(axis, lines), shown)


def _energy_panel(axis: str, line: Line, colour: str) -> PanelChart:
    """Energy of the device that did the work, or a note where no run has any."""
    panel = metric_panel(axis, line, ENERGY.id)
    entries = [value.entry for value in panel.values]
    if not any_estimate(entries):
        return note(f"No energy: {_reasons(entries) or 'no run finished'}", HALF)
    unit = best_unit(ENERGY.units, entries)
    is_line = AXES[axis].size is not None
    style = ChartStyle(AXES[axis].title, f"Energy per sample ({unit.name})", unit, colour, line=is_line)
    return draw_panel(panel, style, HALF)


def _reasons(entries: Sequence[Entry]) -> str:
    """Why finished runs have no value."""
    absent = [entry for entry in entries if isinstance(entry, Absent) and not has_status(entry)]
    return "; ".join(dict.fromkeys(entry.reason for entry in absent))


def _optimization_chart(
    tables: StudyTables, model: str, lines: Sequence[Line], colour: str
) -> alt.VConcatChart:
    """Latency of each optimization, relative to the first one."""
    first = lines[0][0].optimization
    panels = []
    for line in lines:
        ratios = flagged_latency_ratios(line, tables.batch_times)
        values = [Value(row.optimization, ratio) for row, ratio in zip(line, ratios, strict=True)]
        panels.append(Panel(line[0].dataset, values))
    title = AXES["optimization"].title
    style = ChartStyle(title, f"Latency, % of {first}", PERCENT, colour, line=False)
    held = settings(lines[0][0].point, "optimization")
    subtitle = (
        f"{held}. Time of generate() per batch relative to {first}, batch by batch; rules: {INTERVAL} over "
        f"batches."
    )
    shown = [value.entry for panel in panels for value in panel.values]
    return finish(panel_rows(panels, style), f"{model}: latency by optimization", subtitle, shown)


def _latency_style(axis: str, lines: Sequence[Line], colour: str) -> ChartStyle:
    unit = best_unit(LATENCY.units, entries_of(lines, LATENCY.id))
    is_line = AXES[axis].size is not None
    return ChartStyle(AXES[axis].title, f"{LATENCY.title} ({unit.name})", unit, colour, line=is_line)


def _latency_subtitle(axis: str, lines: Sequence[Line]) -> str:
    entries = entries_of(lines, LATENCY.id)
    batches = [entry.n for entry in entries if isinstance(entry, Estimate) and entry.n is not None]
    held = settings(lines[0][0].point, axis)
    if not batches:
        return f"{held}. No run finished."
    n = f"{min(batches)} to {max(batches)}" if min(batches) < max(batches) else f"{max(batches)}"
    return f"{held}. Time of generate() per batch, mean of n = {n} batches; rules: {INTERVAL} of the mean."
