"""What an answer costs against how right it is: a point a model, and the front that no other model beats in
both.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import altair as alt

from vlm_profiling.metrics.catalog import METRICS, Metric
from vlm_profiling.metrics.estimate import PERCENT, Entry, Estimate, Unit, best_unit
from vlm_profiling.record.absent import Absent
from vlm_profiling.report.charts.panels import GREY, WIDTH, PanelChart, chosen, finish, hole, inline, note
from vlm_profiling.report.charts.rows import ROW, bounds, model_colours, row, rows_axis, words
from vlm_profiling.report.words import INTERVAL, settings
from vlm_profiling.tables.row import RunRow
from vlm_profiling.tables.study_tables import Cells


@dataclass(frozen=True)
class Cost:
    """What a sample costs."""

    words: str
    metric: Metric
    measured: str

    @property
    def field(self) -> str:
        """Name in a chart's data."""
        return self.words.lower()


LATENCY = Cost("Latency", METRICS["generate_per_sample_s"], "generate() per sample")
ENERGY = Cost("Energy", METRICS["energy_per_sample_j"], "Idle power included")

REASONS = 3
"""Different reasons told of figures that are missing."""
BRUSHED = "brush"
"""Selection that the pages listen to beside the model clicked: a range of costs swept over."""


def tradeoff_chart(cells: Cells, baseline: Sequence[RunRow], cost: Cost) -> alt.VConcatChart:
    """Cost against word error rate; below, on the same scale, the models whose answers have no quality."""
    entries: list[Entry] = [cell.estimate(cost.metric.id) for cell in baseline]
    if not any(isinstance(entry, Estimate) for entry in entries):
        reasons = dict.fromkeys(entry.reason for entry in entries if isinstance(entry, Absent))
        return finish(
            [note(f"No {cost.field}: {'; '.join(list(reasons)[:REASONS])}")],
            f"{cost.words} against quality",
            "",
        )
    unit = best_unit(cost.metric.units, entries)
    x = alt.X(f"{cost.field}:Q", title=f"{cost.metric.title} ({unit.name})", scale=_scale(entries, unit))
    both = [
        cell
        for cell in baseline
        if isinstance(cell.estimate("wer"), Estimate) and isinstance(cell.estimate(cost.metric.id), Estimate)
    ]
    others = [cell for cell in baseline if cell not in both]
    panels = [_scored_panel(cells, both, cost, unit, x)] if both else []
    panels += [_unscored_panel(cells, others, cost, unit, x)] if others else []
    front = " Dotted: no model is better in both." if len(both) > 1 else ""
    subtitle = (
        f"{settings(baseline[0].point)}. {cost.measured}; word error rate is raw. Rules: {INTERVAL}s.{front}"
    )
    title = (
        f"{cost.words} against quality: lower left is better"
        if both
        else f"{cost.words} by model; no answers have a quality"
    )
    shown = [*entries, *(cell.estimate("wer") for cell in both)]
    return finish(panels, title, subtitle, shown)


def pareto_front(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """The points that no other one is below or equal to in both coordinates and below in one, by the first
    coordinate.
    """
    front: list[tuple[float, float]] = []
    for point in sorted(set(points)):
        if not front or point[1] < front[-1][1]:
            front.append(point)
    return front


def _scored_panel(cells: Cells, scored: Sequence[RunRow], cost: Cost, unit: Unit, x: alt.X) -> PanelChart:
    several = len({cell.dataset for cell in scored}) > 1
    shape = alt.Shape("dataset:N", title=None, legend=alt.Legend(orient="bottom") if several else None)
    y = alt.Y("errors:Q", title="Word error rate (%)", scale=alt.Scale(zero=True))
    chart = alt.Chart().encode(x=x, y=y, color=model_colours(cells, alt.Legend(orient="bottom", columns=3)))
    picked = chosen("model")
    brushed = alt.selection_interval(name=BRUSHED, encodings=["x"])
    opacity = alt.condition(picked & brushed, alt.value(1), alt.value(0.15))
    hover = [
        alt.Tooltip("model:N"),
        alt.Tooltip("dataset:N"),
        alt.Tooltip(f"{cost.field}_text:N", title=f"{cost.metric.title} ({unit.name})"),
        alt.Tooltip("errors_text:N", title="Word error rate (%)"),
        alt.Tooltip("key:N", title="record"),
    ]
    rows = []
    for cell in scored:
        paid, errors = cell.estimate(cost.metric.id), cell.estimate("wer")
        if isinstance(paid, Estimate) and isinstance(errors, Estimate):
            bounded = bounds(cost.field, paid, unit) | bounds("errors", errors, PERCENT)
            known = {"model": cell.model, "dataset": cell.dataset, "key": cell.key}
            rows.append({**known, **bounded, "doubtful": bool(paid.flags or errors.flags)})
    # Points come first: only the first layer's legend answers to a selection.
    layers = [
        chart.mark_point(filled=True, size=90)
        .encode(shape=shape, tooltip=hover, opacity=opacity)
        .add_params(picked, brushed),
        chart.mark_rule().encode(
            x=alt.X(f"{cost.field}_low:Q"), x2=alt.X2(f"{cost.field}_high:Q"), opacity=opacity
        ),
        chart.mark_rule().encode(y=alt.Y("errors_low:Q"), y2=alt.Y2("errors_high:Q"), opacity=opacity),
        hole(alt.Chart()).encode(x=x, y=y),
    ]
    if not several and len(scored) > 1:
        layers.insert(0, _front(rows, cost, x, y))
    return alt.layer(*layers, data=inline(rows), width=WIDTH, height=260)


def _front(rows: Sequence[dict[str, float | str | bool | None]], cost: Cost, x: alt.X, y: alt.Y) -> alt.Chart:
    points = pareto_front([(float(row[cost.field] or 0), float(row["errors"] or 0)) for row in rows])
    data = inline([{cost.field: paid, "errors": errors} for paid, errors in points])
    line = alt.Chart(data).mark_line(color=GREY, strokeDash=[2, 3], strokeWidth=1.5, interpolate="step-after")
    return line.encode(x=x, y=y)


def _unscored_panel(cells: Cells, others: Sequence[RunRow], cost: Cost, unit: Unit, x: alt.X) -> PanelChart:
    """Models by cost alone: random weights, or no figures at all."""
    chart = alt.Chart().encode(y=rows_axis(others), x=x, color=model_colours(cells, None))
    hover = [
        alt.Tooltip("label:N"),
        alt.Tooltip(f"{cost.field}_text:N", title=f"{cost.metric.title} ({unit.name})"),
    ]
    return alt.layer(
        chart.mark_rule().encode(x=alt.X(f"{cost.field}_low:Q"), x2=alt.X2(f"{cost.field}_high:Q")),
        chart.mark_point(filled=True, size=70, opacity=1).encode(tooltip=hover),
        hole(alt.Chart()).encode(x=x, y=rows_axis(others)),
        words(others),
        data=inline([row(cell, others, cost.field, cell.estimate(cost.metric.id), unit) for cell in others]),
        width=WIDTH,
        height=ROW * len(others),
        title="Without a quality figure: random weights, or no figures at all",
    )


def _scale(entries: Sequence[Entry], unit: Unit) -> alt.Scale:
    """One scale for all panels: from zero, or logarithmic where costs differ more than twentyfold."""
    bounds = [entry.bounds for entry in entries if isinstance(entry, Estimate)]
    lowest = min((low for low, _ in bounds), default=0.0) / unit.size
    highest = max((high for _, high in bounds), default=1.0) / unit.size
    if highest > 20 * lowest > 0:
        return alt.Scale(type="log", domain=[lowest / 1.5, highest * 1.5], nice=False)
    return alt.Scale(domain=[0, 1.1 * highest])
