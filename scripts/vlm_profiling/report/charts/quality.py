"""A model's quality along an axis that changes its input: exact match, and word error rate."""

from __future__ import annotations

import altair as alt

from vlm_profiling.metrics.catalog import METRICS
from vlm_profiling.metrics.estimate import PERCENT
from vlm_profiling.report.charts.chart import Chart
from vlm_profiling.report.charts.panels import (
    HALF,
    ChartStyle,
    draw_panel,
    entries_of,
    excluded,
    finish,
    metric_panel,
)
from vlm_profiling.report.charts.rows import model_colour
from vlm_profiling.report.words import INTERVAL, settings
from vlm_profiling.study.axes import AXES
from vlm_profiling.tables.study_tables import StudyTables

SHOWN = (METRICS["exact_match"], METRICS["wer"])


def draw(tables: StudyTables, chart: Chart) -> alt.VConcatChart:
    """Two panels for each data set, side by side."""
    model, info = chart.model, AXES[chart.axis]
    lines, colour = tables.runs.axis(model, chart.axis), model_colour(tables.study, model)
    if not lines:
        return excluded(f"{model}: {info.word}")
    styles = {
        metric.id: ChartStyle(info.title, f"{metric.title} (%)", PERCENT, colour, line=True)
        for metric in SHOWN
    }
    rows = [
        alt.hconcat(
            *(draw_panel(metric_panel(chart.axis, line, name), style, HALF) for name, style in styles.items())
        )
        for line in lines
    ]
    held = settings(lines[0][0].point, chart.axis)
    subtitle = (
        f"{held}. Exact match: higher is better; word error rate: lower is better. Rules: {INTERVAL} over "
        f"samples."
    )
    return finish(rows, f"{model}: quality by {info.word}", subtitle, entries_of(lines, *styles))
