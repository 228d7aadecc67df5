"""Building blocks of the charts: panels of estimates with their intervals, and the look of every chart.

Each panel has its data once, and titles are given on construction: Altair copies a chart whole whenever it
is added to another.
"""

from __future__ import annotations

import textwrap
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import altair as alt

from vlm_profiling.metrics.estimate import FLAG, Entry, Estimate, Unit, flagged
from vlm_profiling.metrics.stages import STAGES
from vlm_profiling.record.absent import Absent
from vlm_profiling.report.markdown import has_status
from vlm_profiling.report.words import value_label
from vlm_profiling.tables.row import RunRow

WIDTH = 588
"""Width of the plotted area of a whole chart, px, so that with its axes it fits 700 px."""
LINE_LENGTH = 84
"""Characters of a line below a title: no wider than what is drawn, even in a wider font."""
HEIGHT = 200
GAP = 80
"""Width of the axis of a further panel, px."""
HALF = (WIDTH - GAP) // 2
"""Width of each of two panels side by side, px."""
PANELS_A_ROW = 3
GREY = "#5f6368"
MODEL_COLOURS = (
    "#0072B2",
    "#D55E00",
    "#009E73",
    "#CC79A7",
    "#E69F00",
    "#56B4E9",
    "#332288",
    "#882255",
    "#44AA99",
    "#999933",
)
"""Okabe and Ito's colours without yellow and black, then Tol's: distinguishable for colour-blind readers."""
STAGE_COLOURS = (
    "#543005",
    "#bf812d",
    "#8c510a",
    "#d8762b",
    "#253494",
    "#2c7fb8",
    "#7fcdbb",
    "#d9d38f",
    "#aeb4ba",
    "#4d4d4d",
)
"""In the order of the stages. The model's own stages are one ramp from dark to light."""
WHOLE_COLOUR = "black"
"""Of all of generate()."""

warnings.filterwarnings("ignore", message="Automatically deduplicated selection parameter")
"""All panels of a chart share one selection on purpose."""

PanelChart: TypeAlias = alt.Chart | alt.LayerChart | alt.FacetChart


@alt.theme.register("vlm_profiling", enable=True)
def _theme() -> alt.theme.ThemeConfig:
    return {
        "config": {
            "background": "white",
            "padding": {
                "left": 12,
                "top": 12,
                "right": 32,
                "bottom": 12,
            },  # to the right for a reader's wider font
            "view": {"stroke": None},
            "axis": {
                "gridColor": "#e6e8eb",
                "domainColor": GREY,
                "tickColor": GREY,
                "labelFontSize": 11,
                "titleFontSize": 11,
            },
            "axisX": {"grid": False},
            "axisQuantitative": {"labelFlush": False, "labelOverlap": "greedy"},
            "title": {"anchor": "start", "fontSize": 12},
            "concat": {"spacing": 20},
        }
    }


Line: TypeAlias = Sequence[RunRow]
"""The runs of one data set along an axis."""


@dataclass(frozen=True)
class Value:
    """One position of a panel: its label and what was measured there."""

    label: str
    entry: Entry


@dataclass(frozen=True)
class Panel:
    """The content of a panel: estimates over the values of one setting."""

    title: str
    values: Sequence[Value]


@dataclass(frozen=True)
class ChartStyle:
    """How panels are drawn: titles of both axes, colour, and a line only where the setting is a quantity."""

    x: str
    y: str
    """With its unit."""
    unit: Unit
    colour: str
    line: bool


def metric_panel(axis: str, line: Line, metric: str) -> Panel:
    """One metric of the runs along an axis, by the metric's id."""
    values = [Value(value_label(axis, getattr(row, axis)), row.estimate(metric)) for row in line]
    return Panel(line[0].dataset, values)


def entries_of(lines: Iterable[Line], *metrics: str) -> list[Entry]:
    """The values of these metrics in all runs."""
    return [row.estimate(metric) for line in lines for row in line for metric in metrics]


def panel_rows(panels: Sequence[Panel], style: ChartStyle, width: int = WIDTH) -> list[alt.HConcatChart]:
    """Panels on one scale from zero, at most three side by side; a chart for each row of panels."""
    top = _top((value.entry for panel in panels for value in panel.values), style.unit)
    columns = min(len(panels), PANELS_A_ROW)
    each = (width - GAP * (columns - 1)) // columns
    drawn = [draw_panel(panel, style, each, top) for panel in panels]
    return [alt.hconcat(*drawn[start : start + columns]) for start in range(0, len(drawn), columns)]


def draw_panel(panel: Panel, style: ChartStyle, width: int, top: float | None = None) -> PanelChart:
    """One panel.

    Args:
        panel: its content.
        style: how it is drawn.
        width: of the plotted area, px.
        top: the upper end of its scale; by default a little above its own estimates.
    """
    labels = [value.label for value in panel.values]
    place = alt.X(
        "label:N", title=style.x, sort=labels, scale=alt.Scale(domain=labels), axis=alt.Axis(labelAngle=0)
    )
    scale = alt.Scale(
        domain=[0, top or _top((value.entry for value in panel.values), style.unit)], nice=False
    )
    height = alt.Y("value:Q", title=style.y, scale=scale)
    hover = [alt.Tooltip("label:N", title=style.x), alt.Tooltip("hover:N", title=style.y)]
    chart = alt.Chart().encode(x=place)
    if style.line:
        below = [chart.mark_line(color=style.colour)]
        above = [
            chart.mark_point(color=style.colour, filled=True, opacity=1, size=60).encode(tooltip=hover),
            hollow_points(chart),
        ]
    else:
        below = [
            chart.mark_bar(color=style.colour, stroke=style.colour, size=34).encode(
                fillOpacity=fill(0.8), tooltip=hover
            )
        ]
        above = [chart.mark_text(align="left", dx=7, dy=-7).encode(text=alt.Text("number:N"))]
    return alt.layer(
        *(shape.encode(y=height) for shape in below),
        chart.mark_rule(strokeWidth=1.5).encode(y=alt.Y("low:Q"), y2=alt.Y2("high:Q")),
        *(
            chart.mark_tick(color="black", opacity=1, thickness=1.5, width=10, orient="horizontal").encode(
                y=alt.Y(f"{bound}:Q")
            )
            for bound in ("low", "high")
        ),
        *(shape.encode(y=height) for shape in above),
        chart.mark_text(color=GREY, angle=270, align="left", fontSize=11).encode(
            y=alt.value(HEIGHT - 6), text=alt.Text("word:N")
        ),
        data=inline([value_row(value, style.unit) for value in panel.values]),
        width=width,
        height=HEIGHT,
        title=alt.Title(panel.title, anchor="middle"),
    )


def inline(rows: Sequence[Mapping[str, Any]]) -> alt.Data:
    """Rows as data, in a tuple: Altair copies a list row by row with every chart that the chart joins."""
    return alt.Data(values=tuple(rows))


def selection(field: str) -> alt.Parameter:
    """A selection, named as its field, by a click on a mark or on a name in the legend.

    A click elsewhere clears it. Of layers, the first one with the legend must have it: in Vega-Lite no other
    one's legend reacts.
    """
    return alt.selection_point(name=field, fields=[field], bind="legend", on="click")


def dim_unselected(selected: alt.Parameter) -> alt.OpacityValue:
    """Faint where a mark is not selected."""
    return alt.OpacityValue(0.15, condition={"param": selected.name, "value": 1})


def hollow_points(chart: alt.Chart) -> alt.Chart:
    """A white disc in the points of flagged estimates, which makes them distinguishable without colours."""
    return chart.mark_point(color="white", filled=True, opacity=1, size=26).transform_filter("datum.flagged")


def fill(opacity: float) -> alt.FillOpacityValue:
    """The opacity of a bar's filling: nearly none where its estimate is flagged."""
    return alt.FillOpacityValue(opacity, condition={"test": "datum.flagged", "value": 0.08})


def note(text: str, width: int = WIDTH) -> alt.Chart:
    """A panel with the reason why there is nothing to draw."""
    data = inline([{"text": textwrap.wrap(text, width // 7)}])
    return (
        alt.Chart(data, width=width, height=HEIGHT)
        .mark_text(color=GREY, fontSize=12, lineHeight=16)
        .encode(text=alt.Text("text:N"))
    )


def excluded(title: str) -> alt.VConcatChart:
    """A chart of an axis without any run."""
    return finish([note("Every run of this axis is excluded.")], title, "")


def finish(
    rows: Sequence[PanelChart | alt.HConcatChart], title: str, subtitle: str, entries: Iterable[Entry] = ()
) -> alt.VConcatChart:
    """A whole chart.

    Args:
        rows: its rows of panels.
        title: its message.
        subtitle: the settings held fixed, and how to read it.
        entries: the values shown: where audits failed for some, a line of the subtitle names these audits.
    """
    lines = textwrap.wrap(subtitle, LINE_LENGTH)
    if audits := flagged(entries):
        words = f"Hollow: an audit failed for this value ({', '.join(audits)}); the page gives the evidence."
        lines += textwrap.wrap(words, LINE_LENGTH)
    heading = alt.Title(title, subtitle=lines, fontSize=15, subtitleColor=GREY, offset=12)
    return alt.vconcat(*rows, title=heading)


def stage_scale(stages: Sequence[str]) -> alt.Scale:
    """The colours of the stages that a chart shows, by their ids, in the order of its legend."""
    colours = [STAGE_COLOURS[STAGES[stage].order] if stage in STAGES else WHOLE_COLOUR for stage in stages]
    return alt.Scale(domain=[stage_title(stage) for stage in stages], range=colours)


def stage_title(stage: str) -> str:
    """The title of a stage, or of all of generate()."""
    return STAGES[stage].title if stage in STAGES else stage


def number_text(estimate: Estimate, unit: Unit) -> str:
    """The value in the unit shown with three digits, and the flag where an audit failed."""
    return f"{estimate.value / unit.size:.3g}{' ' + FLAG if estimate.flags else ''}"


def hover_text(estimate: Estimate, unit: Unit) -> str:
    """The value in the unit shown with its interval and n, for the pointer."""
    text = f"{estimate.value / unit.size:.4g}"
    if estimate.interval:
        text += " [{:.4g}, {:.4g}]".format(*(bound / unit.size for bound in estimate.interval))
    if estimate.n is not None:
        text += f", n = {estimate.n}"
    return f"{text} {FLAG}" if estimate.flags else text


def value_row(value: Value, unit: Unit) -> dict[str, float | str | bool | None]:
    """A row of data: an estimate in the unit shown, or the words for its absence."""
    entry = value.entry
    if isinstance(entry, Absent):
        return {"label": value.label, "word": absent_word(entry)}
    numbers = dict(zip(("low", "high"), entry.interval or (None, None), strict=True)) | {"value": entry.value}
    scaled = {name: None if number is None else number / unit.size for name, number in numbers.items()}
    texts = {"number": number_text(entry, unit), "hover": hover_text(entry, unit)}
    return {"label": value.label, "word": "", "flagged": bool(entry.flags), **scaled, **texts}


def absent_word(absent: Absent) -> str:
    """The words in place of a missing estimate: the status of the run, or a short reason."""
    words = absent.status if has_status(absent) else textwrap.shorten(absent.reason, 34, placeholder="…")
    return f"× {words}"


def _top(entries: Iterable[Entry], unit: Unit) -> float:
    """The upper end of a scale from zero: a little above the highest estimate or interval; 1 without any."""
    highest = max(
        (max(entry.value, entry.bounds[1]) for entry in entries if isinstance(entry, Estimate)), default=0.0
    )
    return 1.1 * highest / unit.size or 1.0
