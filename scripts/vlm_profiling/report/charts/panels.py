"""Building blocks of the charts: panels of figures with their intervals, and how every chart looks.

Data stand once a panel and titles are given on construction: Altair copies a chart whole whenever it is added
to another.
"""

from __future__ import annotations

import textwrap
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import altair as alt

from vlm_profiling.cost.roofline.roofline import WHOLE
from vlm_profiling.metrics.estimate import FLAG, Entry, Estimate, Unit, flagged
from vlm_profiling.record.absent import Absent

WIDTH = 588
"""Pixels of the plotted area of a whole chart, so that with its axes it fits 700."""
LINE = 84
"""Characters of a line below a title: no wider than what is drawn, also in a wider font than the image was
laid out for.
"""
HEIGHT = 200
GAP = 80
"""Pixels that the axis of a further panel needs."""
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
"""Okabe and Ito's colours without yellow and black, then Tol's: told apart by colour-blind readers."""
STAGE_COLOURS = {
    "decode frames": "#543005",
    "sample frames": "#bf812d",
    "preprocess": "#8c510a",
    "transfer": "#d8762b",
    "vision": "#253494",
    "project": "#2c7fb8",
    "prefill": "#7fcdbb",
    "decode": "#d9d38f",
    "loop": "#aeb4ba",
    "detokenise": "#4d4d4d",
    WHOLE: "black",
}
"""The model's own stages are one ramp from dark to light: none is taken for a model's colour."""

warnings.filterwarnings("ignore", message="Automatically deduplicated selection parameter")
"""One selection for all panels of a chart is what is meant."""

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


@dataclass(frozen=True)
class Mark:
    """One place of a panel: its label and what was measured there."""

    label: str
    entry: Entry


@dataclass(frozen=True)
class Panel:
    """What a panel shows: figures over the values of one setting."""

    title: str
    marks: Sequence[Mark]


@dataclass(frozen=True)
class Axes:
    """How panels are drawn: titles of both axes (y with its unit), colour, and a line only where the setting
    is a quantity.
    """

    x: str
    y: str
    unit: Unit
    colour: str
    line: bool


def panel_rows(panels: Sequence[Panel], axes: Axes, width: int = WIDTH) -> list[alt.HConcatChart]:
    """Panels on one scale from zero, at most three side by side; one chart a row."""
    top = _top((mark.entry for panel in panels for mark in panel.marks), axes.unit)
    columns = min(len(panels), PANELS_A_ROW)
    each = (width - GAP * (columns - 1)) // columns
    drawn = [draw_panel(panel, axes, each, top) for panel in panels]
    return [alt.hconcat(*drawn[start : start + columns]) for start in range(0, len(drawn), columns)]


def draw_panel(panel: Panel, axes: Axes, width: int, top: float | None = None) -> PanelChart:
    """One panel; `top` is the upper end of its scale, by default just above its own figures."""
    labels = [mark.label for mark in panel.marks]
    place = alt.X(
        "label:N", title=axes.x, sort=labels, scale=alt.Scale(domain=labels), axis=alt.Axis(labelAngle=0)
    )
    scale = alt.Scale(domain=[0, top or _top((mark.entry for mark in panel.marks), axes.unit)], nice=False)
    height = alt.Y("value:Q", title=axes.y, scale=scale)
    hover = [alt.Tooltip("label:N", title=axes.x), alt.Tooltip("hover:N", title=axes.y)]
    chart = alt.Chart().encode(x=place)
    if axes.line:
        below = [chart.mark_line(color=axes.colour)]
        above = [
            chart.mark_point(color=axes.colour, filled=True, opacity=1, size=60).encode(tooltip=hover),
            hole(chart),
        ]
    else:
        below = [
            chart.mark_bar(color=axes.colour, stroke=axes.colour, size=34).encode(
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
        data=inline([mark_row(mark, axes.unit) for mark in panel.marks]),
        width=width,
        height=HEIGHT,
        title=alt.Title(panel.title, anchor="middle"),
    )


def inline(rows: Sequence[Mapping[str, Any]]) -> alt.Data:
    """Rows as data. Altair hands a tuple on, where it would copy every row of a list with every chart that
    the chart joins.
    """
    return alt.Data(values=tuple(rows))


def chosen(field: str) -> alt.Parameter:
    """A selection, named as its field, by a click on a mark or on a name in the legend; a click beside it
    lets go.

    Of layers, the first one with the legend must have it: Vega-Lite makes no other one's legend answer.
    """
    return alt.selection_point(name=field, fields=[field], bind="legend", on="click")


def dense(selection: alt.Parameter | alt.PredicateComposition) -> alt.OpacityValue:
    """Faint where a mark is not among what is selected."""
    return alt.OpacityValue(0.15, condition={"param": selection.name, "value": 1})


def hole(chart: alt.Chart) -> alt.Chart:
    """A white hole in the points of doubtful figures: hollow points, told apart without colours."""
    return chart.mark_point(color="white", filled=True, opacity=1, size=26).transform_filter("datum.doubtful")


def fill(opacity: float) -> alt.FillOpacityValue:
    """How dense a bar is filled: hardly at all where its figure is doubtful."""
    return alt.FillOpacityValue(opacity, condition={"test": "datum.doubtful", "value": 0.08})


def note(text: str, width: int = WIDTH) -> alt.Chart:
    """A panel that says why there is nothing to draw."""
    data = inline([{"text": textwrap.wrap(text, width // 7)}])
    return (
        alt.Chart(data, width=width, height=HEIGHT)
        .mark_text(color=GREY, fontSize=12, lineHeight=16)
        .encode(text=alt.Text("text:N"))
    )


def finish(
    rows: Sequence[PanelChart | alt.HConcatChart], title: str, subtitle: str, entries: Iterable[Entry] = ()
) -> alt.VConcatChart:
    """A whole chart: its message, what was held fixed, and its rows of panels.

    `entries` are the figures shown: where audits failed for some, a line of the subtitle names these audits.
    """
    lines = textwrap.wrap(subtitle, LINE)
    if audits := flagged(entries):
        lines += textwrap.wrap(
            f"Hollow: an audit failed this figure ({', '.join(audits)}); the page tells why.", LINE
        )
    heading = alt.Title(title, subtitle=lines, fontSize=15, subtitleColor=GREY, offset=12)
    return alt.vconcat(*rows, title=heading)


def stage_scale(stages: Sequence[str]) -> alt.Scale:
    """The colours of the stages that a chart shows, in the order of its legend."""
    return alt.Scale(domain=list(stages), range=[STAGE_COLOURS[stage] for stage in stages])


def number_text(figure: Estimate, unit: Unit) -> str:
    """The figure in the unit shown with three digits, and the sign of flag where an audit failed it."""
    return f"{figure.value / unit.size:.3g}{' ' + FLAG if figure.flags else ''}"


def hover_text(figure: Estimate, unit: Unit) -> str:
    """The figure in the unit shown with its interval and n, for a pointer that rests on it."""
    text = f"{figure.value / unit.size:.4g}"
    if figure.interval:
        text += " [{:.4g}, {:.4g}]".format(*(bound / unit.size for bound in figure.interval))
    if figure.n is not None:
        text += f", n = {figure.n}"
    return f"{text} {FLAG}" if figure.flags else text


def mark_row(mark: Mark, unit: Unit) -> dict[str, float | str | bool | None]:
    """A row of data: a figure in the unit shown, or the words for its absence (a status, or else the reason)."""
    if isinstance(mark.entry, Estimate):
        low, high = mark.entry.interval or (None, None)
        figures = {"value": mark.entry.value, "low": low, "high": high}
        scaled = {name: None if figure is None else figure / unit.size for name, figure in figures.items()}
        marks = {"doubtful": bool(mark.entry.flags), "number": number_text(mark.entry, unit)}
        marks["hover"] = hover_text(mark.entry, unit)
        return {"label": mark.label, "word": "", **scaled, **marks}
    return {"label": mark.label, "word": absent_word(mark.entry)}


def absent_word(absent: Absent) -> str:
    """What stands in an image where a figure is not there."""
    return f"× {absent.status or textwrap.shorten(absent.reason, 34, placeholder='…')}"


def _top(entries: Iterable[Entry], unit: Unit) -> float:
    """The upper end of a scale from zero: a little above the highest figure or interval; 1 without figures."""
    highest = max(
        (max(entry.value, entry.bounds[1]) for entry in entries if isinstance(entry, Estimate)), default=0.0
    )
    return 1.1 * highest / unit.size or 1.0
