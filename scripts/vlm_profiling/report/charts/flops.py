"""FLOPs of a batch of all models at the baseline, stacked by stage."""

from __future__ import annotations

import altair as alt

from vlm_profiling.cost.functions import CONVENTION
from vlm_profiling.metrics.catalog import METRICS
from vlm_profiling.metrics.estimate import best_unit, flagged
from vlm_profiling.metrics.stages import STAGES
from vlm_profiling.report.charts.chart import Chart
from vlm_profiling.report.charts.panels import dim_unselected, fill, finish, inline, selection, stage_scale
from vlm_profiling.report.charts.rows import (
    BARS_WIDTH,
    ROW,
    absent_words,
    no_baseline,
    row_data,
    row_label,
    rows_axis,
)
from vlm_profiling.report.words import INTERVAL, settings
from vlm_profiling.tables.study_tables import StudyTables

METRIC = METRICS["batch_flops"]


def draw(tables: StudyTables, _: Chart) -> alt.VConcatChart:
    """A bar for each model, a colour for each stage whose operations are counted."""
    baseline = [row for model in tables.study.models for row in tables.runs.baseline(model)]
    if not baseline:
        return no_baseline("FLOPs by model and stage")
    entries = [row.estimate(METRIC.id) for row in baseline]
    unit = best_unit(METRIC.units, entries)
    title = f"{unit.name}s per batch"
    counted = [stage for stage in STAGES.values() if stage.counted]
    stages = [
        {
            "label": row_label(row, baseline),
            "stage": stage.title,
            "order": order,
            "flops": flops / unit.size,
            "flagged": bool(flagged([entry])),
        }
        for row, entry in zip(baseline, entries, strict=True)
        for order, stage in enumerate(counted)
        if (flops := getattr(row, f"batch_{stage.id}_flops")) is not None
    ]
    colours = stage_scale([stage.id for stage in counted])
    sums = alt.Chart(
        inline(
            [
                row_data(row, baseline, "total", entry, unit)
                for row, entry in zip(baseline, entries, strict=True)
            ]
        )
    ).encode(y=rows_axis(baseline))
    selected = selection("stage")
    layers = alt.layer(
        alt.Chart(inline(stages))
        .mark_bar(size=18, strokeWidth=1)
        .encode(
            y=rows_axis(baseline),
            x=alt.X("flops:Q", title=title),
            color=alt.Color("stage:N", title=None, scale=colours, legend=alt.Legend(orient="bottom")),
            stroke=alt.Stroke("stage:N", scale=colours, legend=None),
            fillOpacity=fill(1),
            opacity=dim_unselected(selected),
            order=alt.Order("order:Q"),
            tooltip=[
                alt.Tooltip("label:N"),
                alt.Tooltip("stage:N"),
                alt.Tooltip("flops:Q", title=title, format=".4~g"),
            ],
        )
        .add_params(selected),
        sums.mark_rule(strokeWidth=1.5).encode(x=alt.X("total_low:Q"), x2=alt.X2("total_high:Q")),
        sums.mark_text(align="left", dx=8).encode(x=alt.X("total_high:Q"), text=alt.Text("number:N")),
        absent_words(baseline, sums),
        width=BARS_WIDTH,
        height=ROW * len(baseline),
    )
    subtitle = (
        f"{settings(baseline[0].point)}. {CONVENTION}. For the tokens of each run; rules: {INTERVAL} over "
        f"batches."
    )
    return finish([layers], "FLOPs by model and stage", subtitle, entries)
