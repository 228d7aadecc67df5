"""The roofline of a model at the baseline: its stages as points below what the device allows, both axes
logarithmic.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import altair as alt

from vlm_profiling.cost.roofline.roofline import WHOLE, StageRoofline
from vlm_profiling.metrics.estimate import Estimate, Unit
from vlm_profiling.report.charts.panels import (
    GREY,
    STAGE_COLOURS,
    WIDTH,
    PanelChart,
    finish,
    hole,
    inline,
    note,
    stage_scale,
)
from vlm_profiling.report.words import settings
from vlm_profiling.tables.identity import RunKey
from vlm_profiling.tables.study_tables import Cells

HEIGHT = 300
LEAST_WIDTH, LETTER, LINE, RADIUS = 260, 6.4, 14, 7
"""Pixels: of a panel on a phone, of a letter of a label, of its height, of a point."""
_Box: TypeAlias = tuple[float, float, float, float]
SHIFTS = (0, -LINE, LINE, -2 * LINE, 2 * LINE, -3 * LINE, 3 * LINE, 4 * LINE)
"""Pixels that a label may stand above or below its point."""
RATES = (Unit("PFLOP/s", 1e15), Unit("TFLOP/s", 1e12), Unit("GFLOP/s", 1e9), Unit("MFLOP/s", 1e6))
DASHES = {"measured": [1, 0], "datasheet": [6, 4]}
"""Dashes of the roofs."""


def roofline_chart(
    cells: Cells, model: str, roofline: Mapping[RunKey, Sequence[StageRoofline]]
) -> alt.VConcatChart:
    """One panel a data set; in words, why there is nothing to draw."""
    title = f"{model}: how far each stage is from what the device allows"
    baseline = cells.baseline(model)
    drawn = [(cell, _shown(roofline.get(cell.place, ()))) for cell in baseline]
    colours = stage_scale(
        [stage for stage in STAGE_COLOURS if any(row.stage == stage for _, rows in drawn for row in rows)]
    )
    panels = [
        _panel(rows, cell.dataset if len(baseline) > 1 else "", colours, doubtful="stages" in cell.flags)
        for cell, rows in drawn
        if rows
    ]
    if not panels:
        absent = [row.absent for cell in baseline for row in roofline.get(cell.place, ())]
        reasons = dict.fromkeys(
            reasons[name] for reasons in absent for name in ("flops", "floor_s") if name in reasons
        )
        return finish([note("; ".join(reasons) or "No run at the baseline has figures.")], title, "")
    subtitle = (
        f"{settings(baseline[0].point)}. A point is a stage: work done per second of its measured time, over its work "
        "per byte read or written. Dotted, and as a number: how many times as fast the device would allow."
    )
    return finish(
        panels, title, subtitle, [Estimate(1.0, flags=cell.flags.get("stages", ())) for cell, _ in drawn]
    )


def _shown(rows: Sequence[StageRoofline]) -> list[StageRoofline]:
    """The stages that have a place; all of generate() only where its stages were not measured."""
    placed = [row for row in rows if row.floor_s and row.flops]
    return [row for row in placed if row.stage != WHOLE] or placed


def _panel(rows: Sequence[StageRoofline], title: str, colours: alt.Scale, *, doubtful: bool) -> PanelChart:
    unit = next(
        (unit for unit in RATES if max(row.peak_flops_per_s or 0 for row in rows) >= unit.size), RATES[-1]
    )
    roofs = {row.ceiling: row for row in rows}
    nearest = "measured" if "measured" in roofs else "datasheet"
    points = [_point(row, unit) for row in rows if row.ceiling == nearest and row.intensity_flops_per_byte]
    ridges = [_peak(roof) / _bandwidth(roof) for roof in roofs.values()]
    left = min([point["intensity"] for point in points] + ridges) / 4
    right = max([point["intensity"] for point in points] + ridges) * 10
    # A point may lie above its roof, which must be seen.
    rates = [point[end] for point in points for end in ("rate", "roof")] + [
        _peak(roof) / unit.size for roof in roofs.values()
    ]
    bottom, top = min(rates) / 3, 3 * max(rates)
    x = alt.X("intensity:Q", title="FLOP per byte", scale=_log_scale(left, right), axis=_decades(left, right))
    y = alt.Y(
        "rate:Q",
        title=f"Work per second ({unit.name})",
        scale=_log_scale(bottom, top),
        axis=_decades(bottom, top),
    )
    points = [point | {"doubtful": doubtful} for point in _labelled(points, (left, right), (bottom, top))]
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
        hole(marks),
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
        "stage": row.stage,
        "label": f"{row.stage}, {row.distance:,.{0 if row.distance >= 10 else 1}f}×",
        "intensity": row.intensity_flops_per_byte,
        "rate": row.flops / row.time_s / unit.size,
        "roof": allowed / unit.size,
    }


def _labelled(
    points: Sequence[dict[str, Any]], x_ends: tuple[float, float], y_ends: tuple[float, float]
) -> list[dict[str, Any]]:
    """The points with places for their labels: beside the point, or as little above or below that as keeps
    them apart.

    Labels that stand above each other are in the order of their points.
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
    """Where a point lies, from the upper left, when the panel is as narrow as on a phone."""
    across, up = (
        math.log10(value / ends[0]) / math.log10(ends[1] / ends[0])
        for value, ends in ((point["intensity"], x_ends), (point["rate"], y_ends))
    )
    return across * LEAST_WIDTH, (1 - up) * HEIGHT


def _box(x: float, y: float, width: float, *, on_left: bool) -> _Box:
    """Left, right, top and bottom of a label beside a point; without width of the point itself."""
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
    return f"{roof.ceiling}: {_peak(roof) / unit.size:.3g} {unit.name} in {roof.dtype}, {_bandwidth(roof) / 1e9:,.4g} GB/s"


def _peak(row: StageRoofline) -> float:
    assert row.peak_flops_per_s is not None
    return row.peak_flops_per_s


def _bandwidth(row: StageRoofline) -> float:
    assert row.peak_bytes_per_s is not None
    return row.peak_bytes_per_s
