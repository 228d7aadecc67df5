"""The study's charts: all models beside each other at the baseline."""

from __future__ import annotations

from collections.abc import Sequence

import altair as alt

from vlm_profiling.cost.functions import CONVENTION
from vlm_profiling.report.cells import Cell, Cells
from vlm_profiling.report.charts_model import model_colour
from vlm_profiling.report.figures import BYTES, FLOPS, PERCENT, SECONDS, Absent, Entry, Figure, Unit, best_unit, doubted
from vlm_profiling.report.panels import GREY, STAGE_COLOURS, WIDTH, PanelChart, absent_word, fill, finish, hole, note, number_text
from vlm_profiling.report.words import INTERVAL, settings

COUNTED_STAGES = ("vision", "project", "prefill", "decode")
"""Stages that have FLOPs."""
ROW = 30
"""Pixels a model."""
BARS_WIDTH = WIDTH - 80
"""Leaves room for the models' names."""


def index_chart(cells: Cells, name: str) -> alt.VConcatChart:
    """The chart of one name of `files.INDEX_CHARTS`."""
    draw = {"latency_quality": _latency_quality_chart, "memory": _memory_chart, "flops": _flops_chart}[name]
    baseline = [cell for model in cells.study.models for cell in cells.baseline(model)]
    return draw(cells, baseline) if baseline else finish([note("The study has no cell at its baseline.")], name, "")


def _latency_quality_chart(cells: Cells, baseline: Sequence[Cell]) -> alt.VConcatChart:
    """Latency against word error rate; below, on the same scale, the models whose answers have no quality."""
    unit = best_unit(SECONDS, [cell.sample_latency for cell in baseline])
    x = alt.X("latency:Q", title=f"Latency per sample ({unit.name})", scale=_latency_scale(baseline, unit))
    scored = [cell for cell in baseline if isinstance(cell.word_errors, Figure)]
    others = [cell for cell in baseline if isinstance(cell.word_errors, Absent)]
    panels = [_scored_panel(cells, scored, unit, x)] if scored else []
    panels += [_unscored_panel(cells, others, unit, x)] if others else []
    subtitle = f"{settings(baseline[0].point)}. generate() per sample; word error rate is raw. Rules: {INTERVAL}s over samples."
    title = "Latency against quality: lower left is better" if scored else "Latency by model; no answers have a quality"
    shown = [cell.sample_latency for cell in baseline] + [cell.word_errors for cell in scored]
    return finish(panels, title, subtitle, shown)


def _scored_panel(cells: Cells, scored: Sequence[Cell], unit: Unit, x: alt.X) -> PanelChart:
    several = len({cell.dataset for cell in scored}) > 1
    shape = alt.Shape("dataset:N", title=None, legend=alt.Legend(orient="bottom") if several else None)
    y = alt.Y("errors:Q", title="Word error rate (%)", scale=alt.Scale(zero=True))
    chart = alt.Chart().encode(x=x, y=y, color=_model_colours(cells, alt.Legend(orient="bottom", columns=3)))
    return alt.layer(
        chart.mark_rule().encode(x="latency_low:Q", x2="latency_high:Q"),
        chart.mark_rule().encode(y="errors_low:Q", y2="errors_high:Q"),
        chart.mark_point(filled=True, size=90, opacity=1).encode(shape=shape),
        hole(alt.Chart()).encode(x=x, y=y),
        data=alt.Data(
            values=[
                {
                    "model": cell.model,
                    "dataset": cell.dataset,
                    **_bounds("latency", cell.sample_latency, unit),
                    **_bounds("errors", cell.word_errors, PERCENT),
                    "doubtful": bool(cell.sample_latency.doubts or cell.word_errors.doubts),
                }
                for cell in scored
            ]
        ),
        width=WIDTH,
        height=260,
    )


def _unscored_panel(cells: Cells, others: Sequence[Cell], unit: Unit, x: alt.X) -> PanelChart:
    """Models by latency alone: random weights, or no figures at all."""
    chart = alt.Chart().encode(y=_rows_axis(others), x=x, color=_model_colours(cells, None))
    return alt.layer(
        chart.mark_rule().encode(x="latency_low:Q", x2="latency_high:Q"),
        chart.mark_point(filled=True, size=70, opacity=1),
        hole(alt.Chart()).encode(x=x, y=_rows_axis(others)),
        _words(others),
        data=alt.Data(values=[_row(cell, others, "latency", cell.sample_latency, unit) for cell in others]),
        width=WIDTH,
        height=ROW * len(others),
        title="Without a quality figure: random weights, or no figures at all",
    )


def _memory_chart(cells: Cells, baseline: Sequence[Cell]) -> alt.VConcatChart:
    """Peak memory, and the part of it that is weights."""
    unit = best_unit(BYTES, [cell.memory for cell in baseline])
    rows = [
        {**_row(cell, baseline, "peak", cell.memory, unit), "weights": (cell.checkpoint_weight_bytes or 0) / unit.size}
        for cell in baseline
    ]
    chart = alt.Chart().encode(y=_rows_axis(baseline), color=_model_colours(cells, None))
    layers = alt.layer(
        chart.mark_bar(size=18, strokeWidth=1).encode(
            x=alt.X("peak:Q", title=f"Peak memory ({unit.name}); dark: weights"),
            stroke=alt.Stroke("model:N", scale=_model_scale(cells), legend=None),
            fillOpacity=fill(0.4),
        ),
        chart.mark_bar(size=18).encode(x="weights:Q"),
        chart.mark_text(align="left", dx=5).encode(x="peak:Q", text="number:N", color=alt.value("black")),
        _words(baseline),
        data=alt.Data(values=rows),
        width=BARS_WIDTH,
        height=ROW * len(baseline),
    )
    what = "allocated by torch on the GPU" if baseline[0].device == "cuda" else "resident set of the whole process"
    subtitle = f"{settings(baseline[0].point)}. Memory: {what}; one maximum over the headline pass, so it has no interval."
    return finish([layers], "Peak memory by model", subtitle, [cell.memory for cell in baseline])


def _flops_chart(_: Cells, baseline: Sequence[Cell]) -> alt.VConcatChart:
    """FLOPs of a batch, stacked by stage."""
    unit = best_unit(FLOPS, [cell.flops for cell in baseline])
    stages = [
        {
            "label": _label(cell, baseline),
            "stage": stage,
            "order": order,
            "flops": flops / unit.size,
            "doubtful": bool(doubted([cell.flops])),
        }
        for cell in baseline
        for order, stage in enumerate(COUNTED_STAGES)
        if (flops := getattr(cell, f"batch_{stage}_flops")) is not None
    ]
    colours = alt.Scale(domain=list(COUNTED_STAGES), range=[STAGE_COLOURS[stage] for stage in COUNTED_STAGES])
    sums = alt.Chart(alt.Data(values=[_row(cell, baseline, "total", cell.flops, unit) for cell in baseline]))
    sums = sums.encode(y=_rows_axis(baseline))
    layers = alt.layer(
        alt.Chart(alt.Data(values=stages))
        .mark_bar(size=18, strokeWidth=1)
        .encode(
            y=_rows_axis(baseline),
            x=alt.X("flops:Q", title=f"{unit.name}s per batch"),
            color=alt.Color("stage:N", title=None, scale=colours, legend=alt.Legend(orient="bottom")),
            stroke=alt.Stroke("stage:N", scale=colours, legend=None),
            fillOpacity=fill(1),
            order="order:Q",
        ),
        sums.mark_rule(strokeWidth=1.5).encode(x="total_low:Q", x2="total_high:Q"),
        sums.mark_text(align="left", dx=8).encode(x="total_high:Q", text="number:N"),
        _words(baseline, sums),
        width=BARS_WIDTH,
        height=ROW * len(baseline),
    )
    subtitle = f"{settings(baseline[0].point)}. {CONVENTION}. At each run's own tokens; rules: {INTERVAL} over batches."
    return finish([layers], "FLOPs by model and stage", subtitle, [cell.flops for cell in baseline])


def _row(cell: Cell, cells: Sequence[Cell], name: str, entry: Entry, unit: Unit) -> dict[str, float | str | bool | None]:
    """A row of data: a figure in the unit shown with its bounds, or the words for its absence."""
    row: dict[str, float | str | bool | None] = {"model": cell.model, "label": _label(cell, cells), "word": ""}
    return row | ({"word": absent_word(entry)} if isinstance(entry, Absent) else _bounds(name, entry, unit))


def _bounds(name: str, figure: Figure, unit: Unit) -> dict[str, float | str | bool | None]:
    """The figure in the unit shown, with bounds that fall on it where it has no interval."""
    low, high = figure.bounds
    values = {name: figure.value / unit.size, f"{name}_low": low / unit.size, f"{name}_high": high / unit.size}
    return {**values, "number": number_text(figure, unit), "doubtful": bool(figure.doubts)}


def _label(cell: Cell, cells: Sequence[Cell]) -> str:
    """A name for a row: the model, with its data set where the rows are of several."""
    return f"{cell.model} · {cell.dataset}" if len({other.dataset for other in cells}) > 1 else cell.model


def _rows_axis(cells: Sequence[Cell]) -> alt.Y:
    labels = [_label(cell, cells) for cell in cells]
    return alt.Y("label:N", sort=labels, scale=alt.Scale(domain=labels), title=None, axis=alt.Axis(labelLimit=240))


def _words(cells: Sequence[Cell], chart: alt.Chart | None = None) -> alt.Chart:
    """Words at the left of the rows that have no figure."""
    text = (chart or alt.Chart()).mark_text(color=GREY, align="left", fontSize=11)
    return text.encode(y=_rows_axis(cells), x=alt.value(4), text="word:N")


def _model_colours(cells: Cells, legend: alt.Legend | None) -> alt.Color:
    return alt.Color("model:N", title=None, scale=_model_scale(cells), legend=legend)


def _model_scale(cells: Cells) -> alt.Scale:
    models = list(cells.study.models)
    return alt.Scale(domain=models, range=[model_colour(cells, model) for model in models])


def _latency_scale(cells: Sequence[Cell], unit: Unit) -> alt.Scale:
    """One scale for all panels: from zero, or logarithmic where latencies differ more than twentyfold."""
    bounds = [cell.sample_latency.bounds for cell in cells if isinstance(cell.sample_latency, Figure)]
    lowest = min((low for low, _ in bounds), default=0.0) / unit.size
    highest = max((high for _, high in bounds), default=1.0) / unit.size
    if highest > 20 * lowest > 0:
        return alt.Scale(type="log", domain=[lowest / 1.5, highest * 1.5], nice=False)
    return alt.Scale(domain=[0, 1.1 * highest])
