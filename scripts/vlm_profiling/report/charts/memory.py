"""Peak memory of all models at the baseline, and the part of it that is weights."""

from __future__ import annotations

import altair as alt

from vlm_profiling.metrics.catalog import METRICS
from vlm_profiling.metrics.estimate import best_unit
from vlm_profiling.report.charts.chart import Chart
from vlm_profiling.report.charts.panels import fill, finish, inline
from vlm_profiling.report.charts.rows import (
    BARS_WIDTH,
    ROW,
    absent_words,
    model_colours,
    model_scale,
    no_baseline,
    row_data,
    rows_axis,
)
from vlm_profiling.report.words import settings
from vlm_profiling.tables.study_tables import StudyTables

METRIC = METRICS["peak_memory_bytes"]


def draw(tables: StudyTables, _: Chart) -> alt.VConcatChart:
    """A bar for each model; the dark part is weights."""
    study = tables.study
    baseline = [row for model in study.models for row in tables.runs.baseline(model)]
    if not baseline:
        return no_baseline("Peak memory by model")
    entries = [row.estimate(METRIC.id) for row in baseline]
    unit = best_unit(METRIC.units, entries)
    title = f"Peak memory ({unit.name})"
    rows = [
        row_data(row, baseline, "peak", entry, unit)
        | {"weights": (row.checkpoint_weight_bytes or 0) / unit.size}
        for row, entry in zip(baseline, entries, strict=True)
    ]
    chart = alt.Chart().encode(y=rows_axis(baseline), color=model_colours(study, None))
    layers = alt.layer(
        chart.mark_bar(size=18, strokeWidth=1).encode(
            x=alt.X("peak:Q", title=f"{title}; dark: weights"),
            stroke=alt.Stroke("model:N", scale=model_scale(study), legend=None),
            fillOpacity=fill(0.4),
            tooltip=[alt.Tooltip("label:N"), alt.Tooltip("peak_text:N", title=title)],
        ),
        chart.mark_bar(size=18).encode(x=alt.X("weights:Q")),
        chart.mark_text(align="left", dx=5).encode(
            x=alt.X("peak:Q"), text=alt.Text("number:N"), color=alt.value("black")
        ),
        absent_words(baseline),
        data=inline(rows),
        width=BARS_WIDTH,
        height=ROW * len(baseline),
    )
    on_gpu = baseline[0].device == "cuda"
    what = "allocated by torch on the GPU" if on_gpu else "resident set of the whole process"
    subtitle = (
        f"{settings(baseline[0].point)}. Memory {what}: one maximum over the headline pass, so there is no "
        f"interval."
    )
    return finish([layers], "Peak memory by model", subtitle, entries)
