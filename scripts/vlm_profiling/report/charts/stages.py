"""Where the time goes, as bars stacked by stage: along an axis for a model, and for all models at the
baseline.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import altair as alt

from vlm_profiling.metrics.estimate import SECONDS, Entry, Estimate, Unit, best_unit
from vlm_profiling.metrics.performance import NO_STAGES
from vlm_profiling.record.absent import Absent
from vlm_profiling.record.breakdown import STAGES
from vlm_profiling.report.charts.panels import (
    GREY,
    WIDTH,
    PanelChart,
    absent_word,
    chosen,
    dense,
    fill,
    finish,
    inline,
    note,
    number_text,
    stage_scale,
)
from vlm_profiling.report.words import INTERVAL, settings, value_label
from vlm_profiling.study.axes import AXES
from vlm_profiling.tables.breakdown import StageRow
from vlm_profiling.tables.identity import RunKey
from vlm_profiling.tables.row import RunRow
from vlm_profiling.tables.study_tables import Cells

ROW = 30
"""Pixels a bar."""
LABELS = 130
"""Pixels left for the bars' names."""
GAP = 30
HALF = (WIDTH - LABELS - GAP) // 2
LEGEND_COLUMNS = 8

Stages = Mapping[RunKey, Sequence[StageRow]]


@dataclass(frozen=True)
class Bar:
    """One cell's bar."""

    label: str
    stages: Sequence[StageRow]
    """Empty where the cell has none."""
    absent: Absent | None
    flags: tuple[str, ...] = ()
    """The failed audits that mark the cell's stages."""

    @property
    def end_to_end(self) -> Entry:
        """Time per batch, s, or why there is none."""
        return self.absent or replace(self.stages[0].end_to_end, flags=self.flags)


def axis_stages_chart(cells: Cells, model: str, axis: str, stages: Stages) -> alt.VConcatChart:
    """A model's stages along one axis, a row of panels for each data set."""
    title = f"{model}: where the time goes, by {AXES[axis].word}"
    lines = cells.axis(model, axis)
    if not lines:
        return finish([note("Every cell of this axis is excluded.")], title, "")
    bars = {
        line[0].dataset: [_bar(cell, value_label(axis, getattr(cell, axis)), stages) for cell in line]
        for line in lines
    }
    return _chart(bars, AXES[axis].title, title, settings(lines[0][0].point, axis))


def index_stages_chart(cells: Cells, stages: Stages) -> alt.VConcatChart:
    """All models beside each other at the baseline, a row of panels for each data set."""
    title = "Where the time goes, by model"
    baseline = [cell for model in cells.study.models for cell in cells.baseline(model)]
    if not baseline:
        return finish([note("The study has no cell at its baseline.")], title, "")
    datasets = dict.fromkeys(cell.dataset for cell in baseline)
    bars = {
        name: [_bar(cell, cell.model, stages) for cell in baseline if cell.dataset == name]
        for name in datasets
    }
    return _chart(bars, None, title, settings(baseline[0].point))


def _chart(
    bars: Mapping[str, Sequence[Bar]], axis_title: str | None, title: str, held: str
) -> alt.VConcatChart:
    """A row of panels for each data set's bars, in which a stage has the same colour."""
    several, shown = len(bars) > 1, [bar for group in bars.values() for bar in group]
    colours = stage_scale(
        [stage for stage in STAGES if any(row.stage == stage for bar in shown for row in bar.stages)]
    )
    rows = [
        _panels(group, axis_title, dataset if several else "", colours) for dataset, group in bars.items()
    ]
    subtitle = f"{held}. Mean exclusive time of each stage per batch, from a pass whose stages are marked; rules: {INTERVAL} of the sum."
    return finish(rows, title, subtitle, [bar.end_to_end for bar in shown])


def _bar(cell: RunRow, label: str, stages: Stages) -> Bar:
    rows = stages.get(cell.place, ())
    if rows:
        return Bar(label, rows, None, cell.flags.get("stages", ()))
    return Bar(label, (), Absent(NO_STAGES) if cell.ok else Absent(cell.reason or "", cell.status))


def _panels(
    bars: Sequence[Bar], axis_title: str | None, title: str, colours: alt.Scale
) -> alt.HConcatChart | alt.Chart:
    """The same bars twice: as times on one scale, and as shares of the whole; without any bar, a note."""
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
    values = [
        {
            "label": bar.label,
            "stage": row.stage,
            "order": STAGES.index(row.stage),
            "value": row.time_mean_s / unit.size,
            "share": 100 * row.share,
            "doubtful": bool(bar.flags),
        }
        for bar in bars
        for row in bar.stages
    ]
    legend = alt.Legend(orient="bottom", columns=LEGEND_COLUMNS)
    selected = chosen("stage")
    return (
        alt.Chart(inline(values))
        .mark_bar(size=18, strokeWidth=1)
        .encode(
            y=_rows(bars, axis_title, labels=labels),
            x=x,
            color=alt.Color("stage:N", title=None, scale=colours, legend=legend),
            stroke=alt.Stroke("stage:N", scale=colours, legend=None),
            fillOpacity=fill(1),
            opacity=dense(selected),
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
