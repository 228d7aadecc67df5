"""Where the time goes: bars stacked by stage, of a model along an axis, or of all models at the baseline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import altair as alt

from vlm_profiling.metrics.estimate import SECONDS, Entry, Estimate, Unit, best_unit
from vlm_profiling.metrics.stages import STAGES
from vlm_profiling.record.absent import Absent
from vlm_profiling.report.charts.chart import Chart
from vlm_profiling.report.charts.panels import (
    GREY,
    WIDTH,
    PanelChart,
    absent_word,
    dim_unselected,
    excluded,
    fill,
    finish,
    inline,
    note,
    number_text,
    selection,
    stage_scale,
)
from vlm_profiling.report.charts.rows import no_baseline
from vlm_profiling.report.words import INTERVAL, settings, value_label
from vlm_profiling.study.axes import AXES
from vlm_profiling.tables.part_rows import StageRow
from vlm_profiling.tables.row import RunRow
from vlm_profiling.tables.study_tables import StudyTables

ROW = 30
"""Height of a bar, px."""
LABELS = 130
"""Width left for the bars' names, px."""
GAP = 30
HALF = (WIDTH - LABELS - GAP) // 2
LEGEND_COLUMNS = 8

NO_STAGES = "the protocol asks for no stages"


@dataclass(frozen=True)
class Bar:
    """The bar of a run."""

    label: str
    stages: Sequence[StageRow]
    """Empty where the run has none."""
    absent: Absent | None
    flags: tuple[str, ...] = ()
    """The failed audits of the run's stages."""

    @property
    def end_to_end(self) -> Entry:
        """Time per batch, s, or the reason why there is none."""
        return self.absent or replace(self.stages[0].end_to_end, flags=self.flags)


def draw(tables: StudyTables, chart: Chart) -> alt.VConcatChart:
    """A row of panels for each data set: a bar for each value of the axis, or for each model."""
    return _axis_chart(tables, chart) if chart.axis else _models_chart(tables)


def _axis_chart(tables: StudyTables, chart: Chart) -> alt.VConcatChart:
    info = AXES[chart.axis]
    title = f"{chart.model}: where the time goes, by {info.word}"
    lines = tables.runs.axis(chart.model, chart.axis)
    if not lines:
        return excluded(title)
    bars = {
        line[0].dataset: [
            _bar(tables, row, value_label(chart.axis, getattr(row, chart.axis))) for row in line
        ]
        for line in lines
    }
    return _chart(bars, info.title, title, settings(lines[0][0].point, chart.axis))


def _models_chart(tables: StudyTables) -> alt.VConcatChart:
    title = "Where the time goes, by model"
    baseline = [row for model in tables.study.models for row in tables.runs.baseline(model)]
    if not baseline:
        return no_baseline(title)
    datasets = dict.fromkeys(row.dataset for row in baseline)
    bars = {
        name: [_bar(tables, row, row.model) for row in baseline if row.dataset == name] for name in datasets
    }
    return _chart(bars, None, title, settings(baseline[0].point))


def _chart(
    bars: Mapping[str, Sequence[Bar]], axis_title: str | None, title: str, held: str
) -> alt.VConcatChart:
    """A row of panels for each data set's bars, in which a stage has the same colour."""
    several, shown = len(bars) > 1, [bar for group in bars.values() for bar in group]
    present = {row.stage for bar in shown for row in bar.stages}
    colours = stage_scale([stage for stage in STAGES if stage in present])
    rows = [
        _panels(group, axis_title, dataset if several else "", colours) for dataset, group in bars.items()
    ]
    subtitle = (
        f"{held}. Mean exclusive time of each stage per batch, from a separate pass with instrumented "
        f"stages; rules: {INTERVAL} of the sum."
    )
    return finish(rows, title, subtitle, [bar.end_to_end for bar in shown])


def _bar(tables: StudyTables, row: RunRow, label: str) -> Bar:
    stages = tables.stages.get(row.place, ())
    if stages:
        return Bar(label, stages, None, row.flags.get("stages", ()))
    return Bar(label, (), Absent(NO_STAGES) if row.ok else Absent(row.reason or "", row.status))


def _panels(
    bars: Sequence[Bar], axis_title: str | None, title: str, colours: alt.Scale
) -> alt.HConcatChart | alt.Chart:
    """The same bars as times on one scale and as shares of the whole; a note where there is no bar."""
    if not any(bar.stages for bar in bars):
        return note(
            "No stages: " + "; ".join(f"{bar.label} {absent_word(bar.absent)}" for bar in bars if bar.absent)
        )
    unit = best_unit(SECONDS, [bar.end_to_end for bar in bars])
    panels = _times_panel(bars, unit, axis_title, colours), _shares_panel(bars, unit, colours)
    return alt.hconcat(*panels, spacing=GAP, title=alt.Title(title, anchor="middle"))


def _times_panel(bars: Sequence[Bar], unit: Unit, axis_title: str | None, colours: alt.Scale) -> PanelChart:
    wholes = alt.Chart().encode(y=_rows(bars, axis_title, labels=True))
    return alt.layer(
        _stacked(
            bars,
            unit,
            alt.X("value:Q", title=f"Time per batch ({unit.name})"),
            axis_title,
            colours,
            labels=True,
        ),
        wholes.mark_rule(strokeWidth=1.5).encode(x=alt.X("low:Q"), x2=alt.X2("high:Q")),
        wholes.mark_text(align="left", dx=6, fontSize=10).encode(
            x=alt.X("high:Q"), text=alt.Text("number:N")
        ),
        wholes.mark_text(color=GREY, align="left", fontSize=11).encode(
            x=alt.value(4), text=alt.Text("word:N")
        ),
        data=inline([_whole(bar, unit) for bar in bars]),
        width=HALF,
        height=ROW * len(bars),
    )


def _shares_panel(bars: Sequence[Bar], unit: Unit, colours: alt.Scale) -> PanelChart:
    x = alt.X("share:Q", title="Share of the time (%)", scale=alt.Scale(domain=[0, 100]))
    return _stacked(bars, unit, x, None, colours, labels=False).properties(width=HALF, height=ROW * len(bars))


def _stacked(
    bars: Sequence[Bar], unit: Unit, x: alt.X, axis_title: str | None, colours: alt.Scale, *, labels: bool
) -> alt.Chart:
    order = {stage: number for number, stage in enumerate(STAGES)}
    values = [
        {
            "label": bar.label,
            "stage": STAGES[row.stage].title,
            "order": order[row.stage],
            "value": row.time_mean_s / unit.size,
            "share": 100 * row.share,
            "flagged": bool(bar.flags),
        }
        for bar in bars
        for row in bar.stages
    ]
    legend = alt.Legend(orient="bottom", columns=LEGEND_COLUMNS)
    selected = selection("stage")
    return (
        alt.Chart(inline(values))
        .mark_bar(size=18, strokeWidth=1)
        .encode(
            y=_rows(bars, axis_title, labels=labels),
            x=x,
            color=alt.Color("stage:N", title=None, scale=colours, legend=legend),
            stroke=alt.Stroke("stage:N", scale=colours, legend=None),
            fillOpacity=fill(1),
            opacity=dim_unselected(selected),
            order=alt.Order("order:Q"),
            tooltip=[
                alt.Tooltip("label:N", title=axis_title or "model"),
                alt.Tooltip("stage:N"),
                alt.Tooltip("value:Q", title=f"Time per batch ({unit.name})", format=".4~g"),
                alt.Tooltip("share:Q", title="Share of the time (%)", format=".3~g"),
            ],
        )
        .add_params(selected)
    )


def _rows(bars: Sequence[Bar], title: str | None, *, labels: bool) -> alt.Y:
    names = [bar.label for bar in bars]
    above = {"titleAngle": 0, "titleAlign": "left", "titleAnchor": "start", "titleX": 0, "titleY": -8}
    axis = alt.Axis(labelLimit=LABELS, labels=labels, ticks=labels, **above)
    return alt.Y(
        "label:N", sort=names, scale=alt.Scale(domain=names), title=title if labels else None, axis=axis
    )


def _whole(bar: Bar, unit: Unit) -> dict[str, float | str | None]:
    entry = bar.end_to_end
    if not isinstance(entry, Estimate):
        return {"label": bar.label, "word": absent_word(entry)}
    low, high = entry.bounds
    return {
        "label": bar.label,
        "word": "",
        "number": number_text(entry, unit),
        "low": low / unit.size,
        "high": high / unit.size,
    }
