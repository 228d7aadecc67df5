"""The chart of a comparison: latency and energy of each run, after over before, and the noise band."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

import altair as alt

from vlm_profiling.metrics.estimate import Entry, Estimate
from vlm_profiling.report.charts.panels import GREY, WIDTH, PanelChart, finish, hollow_points, inline, note
from vlm_profiling.report.comparison.comparison import Effect, Pair, ResultsComparison
from vlm_profiling.report.words import INTERVAL, value_label
from vlm_profiling.study.axes import AXES
from vlm_profiling.study.point import AXIS_NAMES

ROW = 22
"""Height of a run, px."""
LABELS = 290
"""Width left for the names of runs, px."""
SHOWN = 40
"""Runs drawn at most."""
BAND = "#dfe2e6"
COLOURS = {"worse": "#D55E00", "better": "#009E73"}
"""Of assessments; all others are grey."""


def comparison_chart(comparison: ResultsComparison) -> alt.VConcatChart:
    """Ratios of latency, and of energy where both sides have it; of many runs those furthest from 1."""
    title = comparison.title
    pairs = [pair for pair in comparison.pairs if pair.effects]
    if not pairs:
        return finish([note("No run has results on both sides.")], title, "")
    shown = sorted(sorted(pairs, key=_distance, reverse=True)[:SHOWN], key=pairs.index)
    few = f" The {SHOWN} of {len(pairs)} runs that differ most." if len(pairs) > SHOWN else ""
    subtitle = (
        f"After over before, run by run: 1 is no change. Thick: {INTERVAL} over samples; thin: widened by "
        "the noise between repetitions of both runs; grey band: that noise alone. Orange: worse, green: "
        f"better, grey: same or ambiguous. A run is named by its settings that most others do not have.{few}"
    )
    latency = [pair.effects["latency"] for pair in shown]
    energy = [pair.effects["energy"] for pair in shown]
    panels = [_panel(shown, latency, "Latency, after over before", labels=True, width=WIDTH - LABELS)]
    if any(isinstance(effect.entry, Estimate) for effect in energy):
        half = (WIDTH - LABELS) // 2 - 10
        panels = [
            _panel(shown, latency, "Latency, after over before", labels=True, width=half),
            _panel(shown, energy, "Energy, after over before", labels=False, width=half),
        ]
    entries: list[Entry] = [effect.entry for effect in (*latency, *energy)]
    return finish([alt.hconcat(*panels)], title, subtitle, entries)


def _panel(
    pairs: Sequence[Pair], effects: Sequence[Effect], title: str, *, labels: bool, width: int
) -> PanelChart:
    names = [_name(pair, pairs) for pair in pairs]
    drawn = [
        (name, effect)
        for name, effect in zip(names, effects, strict=True)
        if isinstance(effect.entry, Estimate)
    ]
    rows = [_row(name, effect) for name, effect in drawn]
    reach = [end for _, effect in drawn for end in (effect.bounds or _estimate(effect).bounds)]
    domain = [min([0.95, *reach]) - 0.01, max([1.05, *reach]) + 0.01]
    scale = alt.Scale(domain=domain, nice=False, zero=False)
    x = alt.X("value:Q", title=title, scale=scale)
    axis = alt.Axis(labels=labels, ticks=labels, labelLimit=LABELS - 10)
    y = alt.Y("label:N", title=None, sort=names, scale=alt.Scale(domain=names), axis=axis)
    chart = alt.Chart().encode(x=x, y=y)
    colour = alt.Color("colour:N", scale=None, legend=None)
    return alt.layer(
        chart.mark_bar(color=BAND, height=ROW - 4).encode(
            x=alt.X("left:Q", title=title, scale=scale), x2=alt.X2("right:Q")
        ),
        alt.Chart(inline([{"value": 1}])).mark_rule(color="black", strokeDash=[3, 3]).encode(x=x),
        chart.mark_rule(strokeWidth=1).encode(x=alt.X("bottom:Q"), x2=alt.X2("top:Q"), color=colour),
        chart.mark_rule(strokeWidth=4, opacity=0.6).encode(
            x=alt.X("low:Q"), x2=alt.X2("high:Q"), color=colour
        ),
        chart.mark_point(filled=True, opacity=1, size=60).encode(color=colour),
        hollow_points(chart),
        data=inline(rows),
        width=width,
        height=ROW * len(names),
    )


def _row(name: str, effect: Effect) -> dict[str, str | float | bool | None]:
    estimate = _estimate(effect)
    low, high = estimate.interval or (None, None)
    bottom, top = effect.bounds or (None, None)
    band = effect.band
    return {
        "label": name,
        "value": estimate.value,
        "low": low,
        "high": high,
        "bottom": bottom,
        "top": top,
        "left": None if band is None else 1 - band,
        "right": None if band is None else 1 + band,
        "verdict": estimate.verdict or "",
        "colour": COLOURS.get(estimate.verdict or "", GREY),
        "flagged": bool(estimate.flags),
    }


def _estimate(effect: Effect) -> Estimate:
    assert isinstance(effect.entry, Estimate), "only estimates are drawn"
    return effect.entry


def _name(pair: Pair, pairs: Sequence[Pair]) -> str:
    """Model, data set where there are several, and the settings that most runs do not have."""
    cell = pair.before.cell
    columns = zip(*(other.before.cell.point.values for other in pairs), strict=True)
    usual = [Counter(values).most_common(1)[0][0] for values in columns]
    words = [
        AXES[axis].brief.format(value_label(axis, value))
        for axis, value, common in zip(AXIS_NAMES, cell.point.values, usual, strict=True)
        if value != common
    ]
    several = len({other.before.cell.dataset for other in pairs}) > 1
    return " · ".join([cell.model, *([cell.dataset] if several else []), *words])


def _distance(pair: Pair) -> float:
    """The distance of a run's latency from no change."""
    entry = pair.effects["latency"].entry
    return abs(math.log(entry.value)) if isinstance(entry, Estimate) and entry.value > 0 else 0.0
