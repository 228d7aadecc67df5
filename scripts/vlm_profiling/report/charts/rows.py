"""Rows of the charts across models: a model a row, its estimate with bounds, its colour."""

from __future__ import annotations

from collections.abc import Sequence

import altair as alt

from vlm_profiling.metrics.estimate import Entry, Estimate, Unit
from vlm_profiling.record.absent import Absent
from vlm_profiling.report.charts.panels import (
    GREY,
    MODEL_COLOURS,
    WIDTH,
    absent_word,
    finish,
    hover_text,
    note,
    number_text,
)
from vlm_profiling.study import Study
from vlm_profiling.tables.row import RunRow

ROW = 30
"""Height of a row, px."""
BARS_WIDTH = WIDTH - 80
"""Width of the plotted area, px: leaves room for the models' names."""
Data = dict[str, float | str | bool | None]


def row_data(row: RunRow, rows: Sequence[RunRow], name: str, entry: Entry, unit: Unit) -> Data:
    """A row of data: an estimate in the unit shown with its bounds, or the words for its absence.

    Args:
        row: the run.
        rows: all runs of the chart.
        name: the name of the estimate in the data.
        entry: the run's value.
        unit: the unit shown.
    """
    known: Data = {"model": row.model, "label": row_label(row, rows), "word": ""}
    return known | ({"word": absent_word(entry)} if isinstance(entry, Absent) else bounds(name, entry, unit))


def bounds(name: str, estimate: Estimate, unit: Unit) -> Data:
    """An estimate in the unit shown, its bounds (the estimate where it has no interval), and its texts."""
    low, high = estimate.bounds
    return {
        name: estimate.value / unit.size,
        f"{name}_low": low / unit.size,
        f"{name}_high": high / unit.size,
        f"{name}_text": hover_text(estimate, unit),
        "number": number_text(estimate, unit),
        "flagged": bool(estimate.flags),
    }


def row_label(row: RunRow, rows: Sequence[RunRow]) -> str:
    """The name of a row: the model, with its data set where the rows are of several."""
    return f"{row.model} · {row.dataset}" if len({other.dataset for other in rows}) > 1 else row.model


def rows_axis(rows: Sequence[RunRow]) -> alt.Y:
    """A row for each run, in their order."""
    labels = [row_label(row, rows) for row in rows]
    return alt.Y(
        "label:N", sort=labels, scale=alt.Scale(domain=labels), title=None, axis=alt.Axis(labelLimit=240)
    )


def absent_words(rows: Sequence[RunRow], chart: alt.Chart | None = None) -> alt.Chart:
    """Words at the left of the rows without an estimate."""
    text = (chart or alt.Chart()).mark_text(color=GREY, align="left", fontSize=11)
    return text.encode(y=rows_axis(rows), x=alt.value(4), text=alt.Text("word:N"))


def model_colour(study: Study, model: str) -> str:
    """A model's colour, the same in every chart of the study."""
    return MODEL_COLOURS[list(study.models).index(model) % len(MODEL_COLOURS)]


def model_colours(study: Study, legend: alt.Legend | None) -> alt.Color:
    """Each model's own colour."""
    return alt.Color("model:N", title=None, scale=model_scale(study), legend=legend)


def model_scale(study: Study) -> alt.Scale:
    """From models to their colours."""
    models = list(study.models)
    return alt.Scale(domain=models, range=[model_colour(study, model) for model in models])


def no_baseline(title: str) -> alt.VConcatChart:
    """A chart of a study without a run at its baseline."""
    return finish([note("The study has no run at its baseline.")], title, "")
