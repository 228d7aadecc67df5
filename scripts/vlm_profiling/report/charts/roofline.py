"""The roofline of a model at the baseline: its stages as points below the device's limits, on logarithmic
axes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import altair as alt

from vlm_profiling.cost.roofline.roofline import WHOLE, StageRoofline
from vlm_profiling.metrics.estimate import Estimate, Unit
from vlm_profiling.metrics.stages import STAGES
from vlm_profiling.report.charts.chart import Chart
from vlm_profiling.report.charts.panels import (
    GREY,
    WIDTH,
    PanelChart,
    finish,
    hollow_points,
    inline,
    note,
    stage_scale,
    stage_title,
)
from vlm_profiling.report.words import settings
from vlm_profiling.tables.study_tables import StudyTables

HEIGHT = 300
LEAST_WIDTH, LETTER, LINE, RADIUS = 260, 6.4, 14, 7
"""In px: width of a panel on a phone, width of a letter of a label, its height, radius of a point."""
_Box: TypeAlias = tuple[float, float, float, float]
SHIFTS = (0, -LINE, LINE, -2 * LINE, 2 * LINE, -3 * LINE, 3 * LINE, 4 * LINE)
"""Distances of a label above or below its point, px, in the order tried."""
RATES = (Unit("PFLOP/s", 1e15), Unit("TFLOP/s", 1e12), Unit("GFLOP/s", 1e9), Unit("MFLOP/s", 1e6))
DASHES = {"measured": [1, 0], "datasheet": [6, 4]}
"""Dashes of the roofs."""


def draw(tables: StudyTables, chart: Chart) -> alt.VConcatChart:
    """A panel for each data set, or the reasons why there is nothing to draw."""
    title = f"{chart.model}: distance of each stage to what the device allows"
    baseline = tables.runs.baseline(chart.model)
    drawn = [(row, _shown(tables.roofline.get(row.place, ()))) for row in baseline]
    present = {stage.stage for _, stages in drawn for stage in stages}
    colours = stage_scale([stage for stage in (*STAGES, WHOLE) if stage in present])
    panels = [
        _panel(stages, row.dataset if len(baseline) > 1 else "", colours, flagged="stages" in row.flags)
        for row, stages in drawn
        if stages
    ]
    if not panels:
        absent = [stage.absent for row in baseline for stage in tables.roofline.get(row.place, ())]
        reasons = dict.fromkeys(
            reasons[name] for reasons in absent for name in ("flops", "floor_s") if name in reasons
        )
        return finish([note("; ".join(reasons) or "No run at the baseline has results.")], title, "")
    subtitle = (
        f"{settings(baseline[0].point)}. A point is a stage: FLOPs per second of its measured time, over its "
        "FLOPs per byte read or written. Dotted line and number: how many times as fast as measured the "
        "device would allow."
    )
    flags = [Estimate(1.0, flags=row.flags.get("stages", ())) for row, _ in drawn]
    return finish(panels, title, subtitle, flags)


def _shown(stages: Sequence[StageRoofline]) -> list[StageRoofline]:
    """The stages with a floor and FLOPs; all of generate() only where its stages were not measured."""
    placed = [stage for stage in stages if stage.floor_s and stage.flops]
    return [stage for stage in placed if stage.stage != WHOLE] or placed


def _panel(rows: Sequence[StageRoofline], title: str, colours: alt.Scale, *, flagged: bool) -> PanelChart:
    unit = next(
        (unit for unit in RATES if max(row.peak_flops_per_s or 0 for row in rows) >= unit.size), RATES[-1]
    )
    roofs = {row.ceiling: row for row in rows}
    nearest = "measured" if "measured" in roofs else "datasheet"
    points = [_point(row, unit) for row in rows if row.ceiling == nearest and row.intensity_flops_per_byte]
    ridges = [_peak(roof) / _bandwidth(roof) for roof in roofs.values()]
    left = min([point["intensity"] for point in points] + ridges) / 4
    right = max([point["intensity"] for point in points] + ridges) * 10
    # A point above its roof must be visible.
    rates = [point[end] for point in points for end in ("rate", "roof")] + [
        _peak(roof) / unit.size for roof in roofs.values()
    ]
    bottom, top = min(rates) / 3, 3 * max(rates)
    x = alt.X("intensity:Q", title="FLOP per byte", scale=_log_scale(left, right), axis=_decades(left, right))
    y = alt.Y(
        "rate:Q",
        title=f"FLOPs per second ({unit.name})",
        scale=_log_scale(bottom, top),
        axis=_decades(bottom, top),
    )
    points = [point | {"flagged": flagged} for point in _labelled(points, (left, right), (bottom, top))]
    lines = alt.Chart(inline([row for roof in roofs.values() for row in _line(roof, unit, left, right)]))
    marks = alt.Chart(inline(points)).encode(x=x, y=y)
    names_of = marks.encode(y=alt.Y("label_rate:Q"), text=alt.Text("label:N"))
    names = {_name(roof, unit): DASHES[ceiling] for ceiling, roof in roofs.items()}
    legend = alt.Legend(title=None, orient="bottom", direction="vertical", labelLimit=WIDTH, symbolSize=900)
    dash = alt.StrokeDash(
        "name:N", scale=alt.Scale(domain=list(names), range=list(names.values())), legend=legend
    )
    colour = alt.Color("stage:N", scale=colours, legend=alt.Legend(title=None, orient="top"))
    return alt.layer(
        lines.mark_line(color="black", clip=True, strokeWidth=1.5).encode(x=x, y=y, strokeDash=dash),
        marks.mark_rule(strokeDash=[2, 3], color=GREY).encode(y2=alt.Y2("roof:Q")),
        marks.mark_point(filled=True, size=110, opacity=1, stroke="black", strokeWidth=0.8).encode(
            color=colour
        ),
        hollow_points(marks),
        names_of.mark_text(align="left", dx=9, dy=3, fontSize=12).transform_filter("!datum.on_left"),
        names_of.mark_text(align="right", dx=-9, dy=3, fontSize=12).transform_filter("datum.on_left"),
        width=WIDTH,
        height=HEIGHT,
        title=alt.Title(title, anchor="middle"),
    )


def _log_scale(low: float, high: float) -> alt.Scale:
    return alt.Scale(type="log", domain=[low, high], nice=False)


def _decades(low: float, high: float) -> alt.Axis:
    """Ticks at powers of ten."""
    return alt.Axis(
        values=[10.0**power for power in range(math.ceil(math.log10(low)), math.floor(math.log10(high)) + 1)]
    )


def _point(row: StageRoofline, unit: Unit) -> dict[str, Any]:
    assert row.flops and row.intensity_flops_per_byte and row.distance
    allowed = min(_peak(row), row.intensity_flops_per_byte * _bandwidth(row))
    return {
        "stage": stage_title(row.stage),
        "label": f"{stage_title(row.stage)}, {row.distance:,.{0 if row.distance >= 10 else 1}f}×",
        "intensity": row.intensity_flops_per_byte,
        "rate": row.flops / row.time_s / unit.size,
        "roof": allowed / unit.size,
    }


def _labelled(
    points: Sequence[dict[str, Any]], x_ends: tuple[float, float], y_ends: tuple[float, float]
) -> list[dict[str, Any]]:
    """The points with positions for their labels: next to the point, or as near above or below as is free.

    Labels above each other are in the order of their points.

    Args:
        points: rows of data.
        x_ends: the domain of the x axis.
        y_ends: the domain of the y axis.
    """
    taken = [_box(*_pixels(point, x_ends, y_ends), width=0, on_left=False) for point in points]
    order = {point["stage"]: number for number, point in enumerate(points)}
    labelled: list[dict[str, Any]] = []
    above: list[_Box] = []
    for point in sorted(points, key=lambda point: -point["rate"]):
        x, y = _pixels(point, x_ends, y_ends)
        width = LETTER * len(point["label"])
        places = [(on_left, shift) for shift in SHIFTS for on_left in (False, True)]
        boxes = [(_box(x, y + shift, width, on_left=on_left), on_left, shift) for on_left, shift in places]
        free = [
            (box, on_left, shift)
            for box, on_left, shift in boxes
            if not any(_meet(box, other) for other in taken)
            if not any(box[2] < other[2] and box[0] < other[1] and other[0] < box[1] for other in above)
        ]
        inside = [place for place in free if place[0][0] >= 0 and place[0][1] <= LEAST_WIDTH]
        box, on_left, shift = (inside or free or boxes)[0]
        taken.append(box)
        above.append(box)
        decades = math.log10(y_ends[1] / y_ends[0])
        labelled.append(
            point | {"on_left": on_left, "label_rate": point["rate"] * 10 ** (-shift * decades / HEIGHT)}
        )
    return sorted(labelled, key=lambda point: order[point["stage"]])


def _pixels(
    point: Mapping[str, Any], x_ends: tuple[float, float], y_ends: tuple[float, float]
) -> tuple[float, float]:
    """The position of a point from the upper left, px, in a panel as narrow as on a phone."""
    across, up = (
        math.log10(value / ends[0]) / math.log10(ends[1] / ends[0])
        for value, ends in ((point["intensity"], x_ends), (point["rate"], y_ends))
    )
    return across * LEAST_WIDTH, (1 - up) * HEIGHT


def _box(x: float, y: float, width: float, *, on_left: bool) -> _Box:
    """Left, right, top and bottom of a label next to a point; without width of the point itself."""
    if not width:
        return x - RADIUS, x + RADIUS, y - RADIUS, y + RADIUS
    near, far = (x - RADIUS, x - RADIUS - width) if on_left else (x + RADIUS, x + RADIUS + width)
    return min(near, far), max(near, far), y - LINE / 2, y + LINE / 2


def _meet(one: _Box, other: _Box) -> bool:
    return one[0] < other[1] and other[0] < one[1] and one[2] < other[3] and other[2] < one[3]


def _line(roof: StageRoofline, unit: Unit, left: float, right: float) -> list[dict[str, Any]]:
    """Up along the bandwidth to the ridge, then level with the matrix rate."""
    ridge = _peak(roof) / _bandwidth(roof)
    return [
        {
            "name": _name(roof, unit),
            "intensity": at,
            "rate": min(_peak(roof), at * _bandwidth(roof)) / unit.size,
        }
        for at in (left, ridge, right)
    ]


def _name(roof: StageRoofline, unit: Unit) -> str:
    rate = f"{_peak(roof) / unit.size:.3g} {unit.name} in {roof.dtype}"
    return f"{roof.ceiling}: {rate}, {_bandwidth(roof) / 1e9:,.4g} GB/s"


def _peak(row: StageRoofline) -> float:
    assert row.peak_flops_per_s is not None
    return row.peak_flops_per_s


def _bandwidth(row: StageRoofline) -> float:
    assert row.peak_bytes_per_s is not None
    return row.peak_bytes_per_s
