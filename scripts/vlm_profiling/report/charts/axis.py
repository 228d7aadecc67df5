"""Latency of every model along an axis: curves with scaling exponents for a quantity, ratios for anything
else.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence

import altair as alt
import numpy as np

from vlm_profiling.metrics.estimate import PERCENT, SECONDS, Entry, Estimate, Unit, best_unit
from vlm_profiling.record.absent import Absent
from vlm_profiling.report.charts.chart import Chart
from vlm_profiling.report.charts.panels import (
    GREY,
    MODEL_COLOURS,
    WIDTH,
    PanelChart,
    Value,
    dim_unselected,
    excluded,
    finish,
    hollow_points,
    inline,
    note,
    selection,
    value_row,
)
from vlm_profiling.report.charts.rows import model_colour
from vlm_profiling.report.comparison.pairs import flagged_latency_ratios
from vlm_profiling.report.words import INTERVAL, settings, value_label
from vlm_profiling.statistics.scaling import ScalingFit
from vlm_profiling.study import Study
from vlm_profiling.study.axes import AXES
from vlm_profiling.tables.identity import RunKey
from vlm_profiling.tables.row import RunRow
from vlm_profiling.tables.scaling import Growth, growths, size_along, size_of
from vlm_profiling.tables.study_tables import StudyTables

LEGEND = 250
"""Width of the models' names and exponents, px."""
HEIGHT = 250
LINE = 60
"""Height of words in place of a panel, px."""
CURVE = 30
"""Points of a fitted curve."""
ROW = 16
"""Height of a value of a model, px."""
LABELS = 150
SHAPES = (
    "circle",
    "square",
    "triangle-up",
    "diamond",
    "cross",
    "triangle-down",
    "triangle-left",
    "triangle-right",
)
TICKS = 8
LEAST_TICKS = 4
WIDE = 4
"""Ratio of the ends of an axis from which on it is logarithmic."""


def draw(tables: StudyTables, chart: Chart) -> alt.VConcatChart:
    """A panel for each data set, a colour for each model."""
    study, axis, info = tables.study, chart.axis, AXES[chart.axis]
    models = study.axes[axis].models or study.models
    lines = [line for model in study.models if model in models for line in tables.runs.axis(model, axis)]
    if not lines:
        return excluded(f"Latency by {info.word}")
    held = settings(lines[0][0].point, axis)
    if info.size:
        return _scaling_chart(tables, axis, lines, held)
    datasets = [dataset for dataset in study.datasets if any(line[0].dataset == dataset for line in lines)]
    ratios = {line[0].place: flagged_latency_ratios(line, tables.batch_times) for line in lines}
    values = [value_label(axis, value) for value in study.axes[axis].values]
    panels = [
        _ratios(
            [line for line in lines if line[0].dataset == dataset],
            axis,
            values,
            ratios,
            dataset if len(datasets) > 1 else "",
        )
        for dataset in datasets
    ]
    subtitle = (
        f"{held}. Time of generate() per batch relative to the first value, batch by batch; rules: "
        f"{INTERVAL} over batches."
    )
    shown = [entry for entries in ratios.values() for entry in entries]
    return finish(panels, f"Latency by {info.word}, relative to {values[0]}", subtitle, shown)


def _scaling_chart(
    tables: StudyTables, axis: str, lines: Sequence[Sequence[RunRow]], held: str
) -> alt.VConcatChart:
    found = growths(tables.runs, axis, tables.batch_times)
    shown = [row.estimate("generate_s") for line in lines for row in line]
    unit = best_unit(SECONDS, shown)
    panels = [
        _curves(tables.study, axis, dataset, rows, unit, several=len(found) > 1)
        for dataset, rows in found.items()
    ]
    subtitle = (
        f"{held}. Time of generate() per batch, both axes logarithmic. Rules: {INTERVAL} of the mean. "
        f"Curves: latency = a x^b; after a model's name its scaling exponent b with {INTERVAL}."
    )
    whole = finish(panels, f"Latency by {AXES[axis].word}", subtitle, shown)
    return whole.resolve_scale(color="independent")


def _curves(
    study: Study, axis: str, dataset: str, rows: Sequence[Growth], unit: Unit, *, several: bool
) -> PanelChart:
    names = {growth.model: _legend(growth) for growth in rows}
    points = [point for growth in rows for point in _points(growth, axis, unit)]
    if not points:
        reasons = dict.fromkeys(row.reason or "" for growth in rows for row in growth.cells)
        return note(f"{dataset}: no run has results. {'; '.join(reasons)}").properties(height=LINE)
    sizes = sorted({point["size"] for point in points})
    if len(sizes) == 1:
        return note(f"{dataset}: {size_along(axis).fixed}.").properties(height=LINE)
    ticks = alt.Axis(values=sizes if len(sizes) <= TICKS else alt.Undefined, format=",.4~r", grid=True)
    domain = [sizes[0] / 1.1, sizes[-1] * 1.1]
    x = alt.X(
        "size:Q",
        title=size_along(axis).title,
        scale=alt.Scale(type="log", domain=domain, nice=False),
        axis=ticks,
    )
    ends = [point[name] for point in points for name in ("value", "low", "high") if point[name] is not None]
    low, high = min(ends) / 1.3, max(ends) * 1.15
    tall = alt.Scale(type="log", domain=[low, high], nice=False)
    y_ticks = alt.Axis(format=",.4~r", values=_log_ticks(low, high) or alt.Undefined, grid=True)
    y = alt.Y("value:Q", title=f"Latency per batch ({unit.name})", scale=tall, axis=y_ticks)
    scale = alt.Scale(domain=list(names), range=[model_colour(study, model) for model in names])
    exponents = f"{json.dumps(names)}[datum.label]"
    legend = alt.Legend(title=None, orient="right", labelLimit=LEGEND, labelFontSize=11, labelExpr=exponents)
    selected = selection("model")
    colour = alt.Color("model:N", scale=scale, legend=legend)
    hover = [
        alt.Tooltip("model:N"),
        alt.Tooltip("size:Q", title=size_along(axis).title, format=",.4~r"),
        alt.Tooltip("hover:N", title=f"Latency per batch ({unit.name})"),
        alt.Tooltip("key:N", title="record"),
    ]
    curves = alt.Chart(inline([row for growth in rows for row in _curve(growth, axis, unit)]))
    plain = alt.Chart(inline(points)).encode(x=x, y=y)
    marks = plain.encode(color=colour, opacity=dim_unselected(selected))
    failed = alt.Chart(inline(_failed(rows, axis)))
    return alt.layer(
        curves.mark_line(strokeDash=[5, 3], strokeWidth=1.5)
        .encode(x=x, y=y, color=colour, opacity=dim_unselected(selected), detail=alt.Detail("model:N"))
        .add_params(selected),
        marks.mark_rule(strokeWidth=1.5).encode(y=alt.Y("low:Q"), y2=alt.Y2("high:Q")),
        marks.mark_point(filled=True, size=60).encode(tooltip=hover),
        hollow_points(plain),
        failed.mark_text(color=GREY, angle=270, align="left", fontSize=11).encode(
            x=x, y=alt.value(HEIGHT - 4), text=alt.Text("word:N")
        ),
        width=WIDTH - LEGEND,
        height=HEIGHT,
        title=alt.Title(dataset if several else "", anchor="middle"),
    )


def _log_ticks(low: float, high: float) -> list[float]:
    """Labelled values of a logarithmic axis: 1, 2, 5, 10... Empty where its ends are too close together."""
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for steps in ((1,), (1, 3), (1, 2, 5), (1, 1.5, 2, 3, 5, 7)):
        ticks = [
            step * 10.0**decade for decade in decades for step in steps if low <= step * 10.0**decade <= high
        ]
        if len(ticks) >= LEAST_TICKS:
            return ticks
    return []


def _legend(growth: Growth) -> str:
    """A model's name with the exponent, where there is one."""
    exponent = growth.exponent
    if isinstance(exponent, Absent):
        return growth.model
    low, high = exponent.bounds
    return f"{growth.model}: {exponent.value:.2f} [{low:.2f}, {high:.2f}]"


def _points(growth: Growth, axis: str, unit: Unit) -> list[dict]:
    points = []
    for row in growth.cells:
        size, entry = size_of(row, axis), row.estimate("generate_s")
        if size and isinstance(entry, Estimate):
            value = value_row(Value(value_label(axis, getattr(row, axis)), entry), unit)
            points.append({"model": row.model, "size": size, "key": row.key, **value})
    return points


def _curve(growth: Growth, axis: str, unit: Unit) -> list[dict[str, str | float]]:
    if not isinstance(growth.fit, ScalingFit):
        return []
    sizes = [size for row in growth.cells if row.ok and (size := size_of(row, axis))]
    drawn = np.geomspace(min(sizes), max(sizes), CURVE)
    values = np.exp(growth.fit.log_coefficient + growth.fit.exponent.mean * np.log(drawn)) / unit.size
    return [
        {"model": growth.model, "size": float(size), "value": float(value)}
        for size, value in zip(drawn, values, strict=True)
    ]


def _failed(rows: Sequence[Growth], axis: str) -> list[dict[str, str | float]]:
    """The words at a size where runs have no results, as far as their size is known."""
    words: dict[float, list[str]] = {}
    for growth in rows:
        for row in growth.cells:
            if not row.ok and (size := size_of(row, axis)):
                words.setdefault(size, []).append(f"{growth.model} {row.status}")
    return [{"size": size, "word": f"× {', '.join(names)}"} for size, names in words.items()]


def _ratios(
    lines: Sequence[Sequence[RunRow]],
    axis: str,
    values: Sequence[str],
    ratios: Mapping[RunKey, Sequence[Entry]],
    heading: str,
) -> PanelChart:
    """Points with intervals: a band of rows for each model, a shape and colour for each value."""
    title = f"Latency, % of {values[0]}"
    rows = [
        {"model": line[0].model, **value_row(Value(value_label(axis, getattr(row, axis)), entry), PERCENT)}
        for line in lines
        for row, entry in zip(line, ratios[line[0].place], strict=True)
    ]
    for row in rows:
        row["word"] = row["word"] and f"{row['label']} {row['word']}"
    models = [line[0].model for line in lines]
    ends = [
        end
        for line in lines
        for entry in ratios[line[0].place]
        if isinstance(entry, Estimate)
        for end in entry.bounds
    ]
    domain = [min([0.95, *ends]) * 98, max([1.05, *ends]) * 102]
    linear, logarithmic = (
        alt.Scale(domain=domain, nice=False, zero=False),
        alt.Scale(type="log", domain=domain, nice=False),
    )
    scale = logarithmic if domain[1] > WIDE * domain[0] else linear
    x = alt.X("value:Q", title=title, scale=scale, axis=alt.Axis(tickCount=8))
    y = alt.Y(
        "model:N",
        title=None,
        sort=models,
        scale=alt.Scale(domain=models, paddingInner=0.15),
        axis=alt.Axis(labelLimit=LABELS),
    )
    offset = alt.YOffset("label:N", sort=list(values), scale=alt.Scale(domain=list(values)))
    colours = alt.Scale(
        domain=list(values),
        range=[MODEL_COLOURS[number % len(MODEL_COLOURS)] for number in range(len(values))],
    )
    shapes = alt.Scale(
        domain=list(values), range=[SHAPES[number % len(SHAPES)] for number in range(len(values))]
    )
    legend = alt.Legend(title=None, orient="bottom")
    selected = selection("label")
    hover = [
        alt.Tooltip("model:N"),
        alt.Tooltip("label:N", title=AXES[axis].title),
        alt.Tooltip("hover:N", title=title),
    ]
    colour = alt.Color("label:N", scale=colours, legend=legend)
    chart = alt.Chart().encode(y=y, yOffset=offset, color=colour, opacity=dim_unselected(selected))
    return alt.layer(
        alt.Chart(inline([{"value": 100}])).mark_rule(color="black", strokeDash=[3, 3]).encode(x=x),
        chart.mark_rule(strokeWidth=1.5)
        .encode(x=alt.X("low:Q", title=title), x2=alt.X2("high:Q"))
        .add_params(selected),
        chart.mark_point(filled=True, size=60).encode(
            x=x, shape=alt.Shape("label:N", scale=shapes, legend=legend), tooltip=hover
        ),
        hollow_points(alt.Chart().encode(x=x, y=y, yOffset=offset)),
        chart.mark_text(align="left", fontSize=10).encode(
            x=alt.value(4), text=alt.Text("word:N"), color=alt.value(GREY)
        ),
        data=inline(rows),
        width=WIDTH - LABELS,
        height=ROW * len(values) * len(models),
        title=alt.Title(heading, anchor="middle"),
    )
