"""Cost of a sample against quality of the answers: a point for each model, and the Pareto front."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import altair as alt

from vlm_profiling.metrics.catalog import METRICS, Metric
from vlm_profiling.metrics.estimate import PERCENT, Entry, Estimate, Unit, best_unit
from vlm_profiling.record.absent import Absent
from vlm_profiling.report.charts.chart import Chart
from vlm_profiling.report.charts.panels import (
    GREY,
    WIDTH,
    PanelChart,
    finish,
    hollow_points,
    inline,
    note,
    selection,
)
from vlm_profiling.report.charts.rows import (
    ROW,
    Data,
    absent_words,
    bounds,
    model_colours,
    no_baseline,
    row_data,
    rows_axis,
)
from vlm_profiling.report.table import any_estimate
from vlm_profiling.report.words import INTERVAL, settings
from vlm_profiling.study import Study
from vlm_profiling.tables.row import RunRow
from vlm_profiling.tables.study_tables import StudyTables


@dataclass(frozen=True)
class Cost:
    """The cost of a sample."""

    word: str
    metric: Metric
    measured: str
    """What the subtitle says of it."""

    @property
    def field(self) -> str:
        """Its name in a chart's data."""
        return self.word.lower()


COSTS = {
    "latency_quality": Cost("Latency", METRICS["generate_per_sample_s"], "Time of generate() per sample"),
    "energy_quality": Cost("Energy", METRICS["energy_per_sample_j"], "Energy includes idle power"),
}
"""By the chart's name."""
QUALITY = METRICS["wer"]
REASONS = 3
"""Different reasons of missing values that are printed."""
BRUSHED = "brush"
"""The selection of a range of costs, which the pages listen to besides that of a model."""


def draw(tables: StudyTables, chart: Chart) -> alt.VConcatChart:
    """Cost against word error rate; below, on the same scale, the models whose answers are not scored."""
    cost, study = COSTS[chart.name], tables.study
    title = f"{cost.word} against quality"
    baseline = [row for model in study.models for row in tables.runs.baseline(model)]
    if not baseline:
        return no_baseline(title)
    entries = [row.estimate(cost.metric.id) for row in baseline]
    if not any_estimate(entries):
        reasons = list(dict.fromkeys(entry.reason for entry in entries if isinstance(entry, Absent)))
        return finish([note(f"No {cost.field}: {'; '.join(reasons[:REASONS])}")], title, "")
    unit = best_unit(cost.metric.units, entries)
    x = alt.X(f"{cost.field}:Q", title=f"{cost.metric.title} ({unit.name})", scale=_scale(entries, unit))
    scored = [
        ScoredRun(row, paid, errors)
        for row, paid in zip(baseline, entries, strict=True)
        if isinstance(paid, Estimate) and isinstance(errors := row.estimate(QUALITY.id), Estimate)
    ]
    rows = [point.row for point in scored]
    others = [row for row in baseline if row not in rows]
    panels = [_scored_panel(study, scored, cost, unit, x)] if scored else []
    panels += [_unscored_panel(study, others, cost, unit, x)] if others else []
    front = " Dotted: no other model is better in both." if len(scored) > 1 else ""
    held = settings(baseline[0].point)
    subtitle = f"{held}. {cost.measured}; word error rate of the text as it is. Rules: {INTERVAL}s.{front}"
    message = f"{title}: lower left is better" if scored else f"{cost.word} by model; no answers are scored"
    return finish(panels, message, subtitle, [*entries, *(point.errors for point in scored)])


@dataclass(frozen=True)
class ScoredRun:
    """A run with both its cost and its quality."""

    row: RunRow
    paid: Estimate
    errors: Estimate


def pareto_front(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """The points that no other one is at most equal to in both coordinates and below in one, by the first
    one.
    """
    front: list[tuple[float, float]] = []
    for point in sorted(set(points)):
        if not front or point[1] < front[-1][1]:
            front.append(point)
    return front


def _scored_panel(study: Study, scored: Sequence[ScoredRun], cost: Cost, unit: Unit, x: alt.X) -> PanelChart:
    several = len({point.row.dataset for point in scored}) > 1
    shape = alt.Shape("dataset:N", title=None, legend=alt.Legend(orient="bottom") if several else None)
    title = f"{QUALITY.title} (%)"
    y = alt.Y("errors:Q", title=title, scale=alt.Scale(zero=True))
    chart = alt.Chart().encode(x=x, y=y, color=model_colours(study, alt.Legend(orient="bottom", columns=3)))
    picked = selection("model")
    brushed = alt.selection_interval(name=BRUSHED, encodings=["x"])
    opacity = alt.condition(picked & brushed, alt.value(1), alt.value(0.15))
    hover = [
        alt.Tooltip("model:N"),
        alt.Tooltip("dataset:N"),
        alt.Tooltip(f"{cost.field}_text:N", title=f"{cost.metric.title} ({unit.name})"),
        alt.Tooltip("errors_text:N", title=title),
        alt.Tooltip("key:N", title="record"),
    ]
    rows = [
        {
            "model": point.row.model,
            "dataset": point.row.dataset,
            "key": point.row.key,
            **bounds(cost.field, point.paid, unit),
            **bounds("errors", point.errors, PERCENT),
            "flagged": bool(point.paid.flags or point.errors.flags),
        }
        for point in scored
    ]
    # Points come first: only the first layer's legend reacts to a selection.
    layers = [
        chart.mark_point(filled=True, size=90)
        .encode(shape=shape, tooltip=hover, opacity=opacity)
        .add_params(picked, brushed),
        chart.mark_rule().encode(
            x=alt.X(f"{cost.field}_low:Q"), x2=alt.X2(f"{cost.field}_high:Q"), opacity=opacity
        ),
        chart.mark_rule().encode(y=alt.Y("errors_low:Q"), y2=alt.Y2("errors_high:Q"), opacity=opacity),
        hollow_points(alt.Chart()).encode(x=x, y=y),
    ]
    if not several and len(scored) > 1:
        layers.insert(0, _front(rows, cost, x, y))
    return alt.layer(*layers, data=inline(rows), width=WIDTH, height=260)


def _front(rows: Sequence[Data], cost: Cost, x: alt.X, y: alt.Y) -> alt.Chart:
    points = pareto_front([(float(row[cost.field] or 0), float(row["errors"] or 0)) for row in rows])
    data = inline([{cost.field: paid, "errors": errors} for paid, errors in points])
    line = alt.Chart(data).mark_line(color=GREY, strokeDash=[2, 3], strokeWidth=1.5, interpolate="step-after")
    return line.encode(x=x, y=y)


def _unscored_panel(study: Study, others: Sequence[RunRow], cost: Cost, unit: Unit, x: alt.X) -> PanelChart:
    """Models by cost alone: random weights, or no results at all."""
    chart = alt.Chart().encode(y=rows_axis(others), x=x, color=model_colours(study, None))
    title = f"{cost.metric.title} ({unit.name})"
    hover = [alt.Tooltip("label:N"), alt.Tooltip(f"{cost.field}_text:N", title=title)]
    rows = [row_data(row, others, cost.field, row.estimate(cost.metric.id), unit) for row in others]
    return alt.layer(
        chart.mark_rule().encode(x=alt.X(f"{cost.field}_low:Q"), x2=alt.X2(f"{cost.field}_high:Q")),
        chart.mark_point(filled=True, size=70, opacity=1).encode(tooltip=hover),
        hollow_points(alt.Chart()).encode(x=x, y=rows_axis(others)),
        absent_words(others),
        data=inline(rows),
        width=WIDTH,
        height=ROW * len(others),
        title="Without a quality score: random weights, or no results at all",
    )


def _scale(entries: Sequence[Entry], unit: Unit) -> alt.Scale:
    """One scale for all panels: from zero, or logarithmic where costs differ more than twentyfold."""
    bounds = [entry.bounds for entry in entries if isinstance(entry, Estimate)]
    lowest = min((low for low, _ in bounds), default=0.0) / unit.size
    highest = max((high for _, high in bounds), default=1.0) / unit.size
    if highest > 20 * lowest > 0:
        return alt.Scale(type="log", domain=[lowest / 1.5, highest * 1.5], nice=False)
    return alt.Scale(domain=[0, 1.1 * highest])
