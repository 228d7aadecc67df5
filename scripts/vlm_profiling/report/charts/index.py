"""The study's charts: all models beside each other at the baseline."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import altair as alt

from vlm_profiling.cost.functions import CONVENTION
from vlm_profiling.metrics.estimate import BYTES, FLOPS, best_unit, flagged
from vlm_profiling.report.charts.panels import WIDTH, chosen, dense, fill, finish, inline, note, stage_scale
from vlm_profiling.report.charts.rows import ROW, label, model_colours, model_scale, row, rows_axis, words
from vlm_profiling.report.charts.tradeoff import ENERGY, LATENCY, tradeoff_chart
from vlm_profiling.report.words import INTERVAL, settings
from vlm_profiling.tables.row import RunRow
from vlm_profiling.tables.study_tables import Cells

COUNTED_STAGES = ("vision", "project", "prefill", "decode")
"""Stages that have FLOPs."""
BARS_WIDTH = WIDTH - 80
"""Leaves room for the models' names."""


def index_chart(cells: Cells, name: str) -> alt.VConcatChart:
    """The chart of one name of `files.INDEX_CHARTS`."""
    draw = {
        "latency_quality": partial(tradeoff_chart, cost=LATENCY),
        "energy_quality": partial(tradeoff_chart, cost=ENERGY),
        "memory": _memory_chart,
        "flops": _flops_chart,
    }[name]
    baseline = [cell for model in cells.study.models for cell in cells.baseline(model)]
    return (
        draw(cells, baseline)
        if baseline
        else finish([note("The study has no cell at its baseline.")], name, "")
    )


def _memory_chart(cells: Cells, baseline: Sequence[RunRow]) -> alt.VConcatChart:
    """Peak memory, and the part of it that is weights."""
    unit = best_unit(BYTES, [cell.estimate("peak_memory_bytes") for cell in baseline])
    rows = [
        {
            **row(cell, baseline, "peak", cell.estimate("peak_memory_bytes"), unit),
            "weights": (cell.checkpoint_weight_bytes or 0) / unit.size,
        }
        for cell in baseline
    ]
    chart = alt.Chart().encode(y=rows_axis(baseline), color=model_colours(cells, None))
    layers = alt.layer(
        chart.mark_bar(size=18, strokeWidth=1).encode(
            x=alt.X("peak:Q", title=f"Peak memory ({unit.name}); dark: weights"),
            stroke=alt.Stroke("model:N", scale=model_scale(cells), legend=None),
            fillOpacity=fill(0.4),
            tooltip=[alt.Tooltip("label:N"), alt.Tooltip("peak_text:N", title=f"Peak memory ({unit.name})")],
        ),
        chart.mark_bar(size=18).encode(x=alt.X("weights:Q")),
        chart.mark_text(align="left", dx=5).encode(
            x=alt.X("peak:Q"), text=alt.Text("number:N"), color=alt.value("black")
        ),
        words(baseline),
        data=inline(rows),
        width=BARS_WIDTH,
        height=ROW * len(baseline),
    )
    what = (
        "allocated by torch on the GPU"
        if baseline[0].device == "cuda"
        else "resident set of the whole process"
    )
    subtitle = f"{settings(baseline[0].point)}. Memory: {what}; one maximum over the headline pass, so it has no interval."
    return finish(
        [layers], "Peak memory by model", subtitle, [cell.estimate("peak_memory_bytes") for cell in baseline]
    )


def _flops_chart(_: Cells, baseline: Sequence[RunRow]) -> alt.VConcatChart:
    """FLOPs of a batch, stacked by stage."""
    unit = best_unit(FLOPS, [cell.estimate("batch_flops") for cell in baseline])
    stages = [
        {
            "label": label(cell, baseline),
            "stage": stage,
            "order": order,
            "flops": flops / unit.size,
            "doubtful": bool(flagged([cell.estimate("batch_flops")])),
        }
        for cell in baseline
        for order, stage in enumerate(COUNTED_STAGES)
        if (flops := getattr(cell, f"batch_{stage}_flops")) is not None
    ]
    colours = stage_scale(COUNTED_STAGES)
    sums = alt.Chart(
        inline([row(cell, baseline, "total", cell.estimate("batch_flops"), unit) for cell in baseline])
    )
    sums = sums.encode(y=rows_axis(baseline))
    selected = chosen("stage")
    layers = alt.layer(
        alt.Chart(inline(stages))
        .mark_bar(size=18, strokeWidth=1)
        .encode(
            y=rows_axis(baseline),
            x=alt.X("flops:Q", title=f"{unit.name}s per batch"),
            color=alt.Color("stage:N", title=None, scale=colours, legend=alt.Legend(orient="bottom")),
            stroke=alt.Stroke("stage:N", scale=colours, legend=None),
            fillOpacity=fill(1),
            opacity=dense(selected),
            order=alt.Order("order:Q"),
            tooltip=[
                alt.Tooltip("label:N"),
                alt.Tooltip("stage:N"),
                alt.Tooltip("flops:Q", title=f"{unit.name}s per batch", format=".4~g"),
            ],
        )
        .add_params(selected),
        sums.mark_rule(strokeWidth=1.5).encode(x=alt.X("total_low:Q"), x2=alt.X2("total_high:Q")),
        sums.mark_text(align="left", dx=8).encode(x=alt.X("total_high:Q"), text=alt.Text("number:N")),
        words(baseline, sums),
        width=BARS_WIDTH,
        height=ROW * len(baseline),
    )
    subtitle = f"{settings(baseline[0].point)}. {CONVENTION}. At each run's own tokens; rules: {INTERVAL} over batches."
    return finish(
        [layers], "FLOPs by model and stage", subtitle, [cell.estimate("batch_flops") for cell in baseline]
    )
