"""Rows of the charts across models: a model a row, its figure with bounds, its colour."""

from __future__ import annotations

from collections.abc import Sequence

import altair as alt

from vlm_profiling.metrics.estimate import Entry, Estimate, Unit
from vlm_profiling.record.absent import Absent
from vlm_profiling.report.charts.model import model_colour
from vlm_profiling.report.charts.panels import GREY, absent_word, hover_text, number_text
from vlm_profiling.tables.row import RunRow
from vlm_profiling.tables.study_tables import Cells

ROW = 30
"""Pixels a model."""


def row(
    cell: RunRow, cells: Sequence[RunRow], name: str, entry: Entry, unit: Unit
) -> dict[str, float | str | bool | None]:
    """A row of data: a figure in the unit shown with its bounds, or the words for its absence."""
    known: dict[str, float | str | bool | None] = {
        "model": cell.model,
        "label": label(cell, cells),
        "word": "",
    }
    return known | ({"word": absent_word(entry)} if isinstance(entry, Absent) else bounds(name, entry, unit))


def bounds(name: str, figure: Estimate, unit: Unit) -> dict[str, float | str | bool | None]:
    """The figure in the unit shown, with bounds that fall on it where it has no interval, and both in words
    to hover over.
    """
    low, high = figure.bounds
    values: dict[str, float | str] = {
        name: figure.value / unit.size,
        f"{name}_low": low / unit.size,
        f"{name}_high": high / unit.size,
    }
    values[f"{name}_text"] = hover_text(figure, unit)
    return {
        **values,
        f"{name}_text": hover_text(figure, unit),
        "number": number_text(figure, unit),
        "doubtful": bool(figure.flags),
    }


def label(cell: RunRow, cells: Sequence[RunRow]) -> str:
    """A name for a row: the model, with its data set where the rows are of several."""
    return f"{cell.model} · {cell.dataset}" if len({other.dataset for other in cells}) > 1 else cell.model


def rows_axis(cells: Sequence[RunRow]) -> alt.Y:
    """A row for each cell, in their order."""
    labels = [label(cell, cells) for cell in cells]
    return alt.Y(
        "label:N", sort=labels, scale=alt.Scale(domain=labels), title=None, axis=alt.Axis(labelLimit=240)
    )


def words(cells: Sequence[RunRow], chart: alt.Chart | None = None) -> alt.Chart:
    """Words at the left of the rows that have no figure."""
    text = (chart or alt.Chart()).mark_text(color=GREY, align="left", fontSize=11)
    return text.encode(y=rows_axis(cells), x=alt.value(4), text=alt.Text("word:N"))


def model_colours(cells: Cells, legend: alt.Legend | None) -> alt.Color:
    """Each model's own colour."""
    return alt.Color("model:N", title=None, scale=model_scale(cells), legend=legend)


def model_scale(cells: Cells) -> alt.Scale:
    """From models to their colours."""
    models = list(cells.study.models)
    return alt.Scale(domain=models, range=[model_colour(cells, model) for model in models])
