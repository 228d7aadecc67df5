"""The page of one model."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from vlm_profiling.outputs import ROOFLINE_CHART, model_charts, stage_charts
from vlm_profiling.report.comparison.pairs import read_batch_times
from vlm_profiling.report.markdown import escape_markdown
from vlm_profiling.report.pages.about import about_model, counts_text
from vlm_profiling.report.pages.advice import advice_text, model_advice
from vlm_profiling.report.pages.audits import audits_table, concerns_table
from vlm_profiling.report.pages.drift import drift_table
from vlm_profiling.report.pages.examples import Thumbnail, examples_table, records_table
from vlm_profiling.report.pages.memory import memory_table, predicted_memory
from vlm_profiling.report.pages.parts import Chart, capital, listed, render
from vlm_profiling.report.pages.roofline import roofline_table
from vlm_profiling.report.pages.stages import layers_table, stages_table
from vlm_profiling.report.pages.tables import axis_table, baseline_table, cells_table
from vlm_profiling.report.words import settings
from vlm_profiling.study.axes import AXES
from vlm_profiling.tables.breakdown import read_layers, read_stages
from vlm_profiling.tables.drift import read_drift
from vlm_profiling.tables.identity import RunKey
from vlm_profiling.tables.roofline import read_roofline
from vlm_profiling.tables.row import RunRow
from vlm_profiling.tables.study_tables import Cells

ROOFLINE_TITLE = "{}: work per second of each stage against what the device allows, over FLOP per byte"

T = TypeVar("T")


@dataclass(frozen=True)
class Part:
    """One data set's table in a section; the data set is named where there are several."""

    dataset: str
    table: str


@dataclass(frozen=True)
class AxisSection:
    """What a page shows of one axis."""

    title: str
    settings: str
    parts: list[Part]
    charts: list[Chart]
    without_charts: str = ""


def no_image(*_: str) -> None:
    """A thumbnail where no images are at hand."""


def model_page(
    cells: Cells, model: str, tables: Path, images: str, thumbnail: Thumbnail = no_image, runs: str = ""
) -> str:
    """The page of one model. `images` and `runs` are the relative paths of plots and of the folder of
    records.
    """
    own = [cell for cell in cells.all if cell.model == model]
    baseline = cells.baseline(model)
    measured = next((cell for cell in (*baseline, *own) if cell.ok), None)
    chosen = {axis: varied.models or cells.study.models for axis, varied in cells.study.axes.items()}
    axes = sorted((axis for axis in AXES if model in chosen.get(axis, ())), key="optimization".__eq__)
    findings = [finding for finding in cells.findings if finding.model == model]
    return render(
        "model.md.j2",
        name=escape_markdown(model),
        about=about_model(measured) if measured else "No run of this model has figures yet.",
        counts=counts_text(own),
        baseline=baseline_table(baseline) if baseline else "",
        baseline_settings=settings(baseline[0].point) if baseline else "",
        stages=_parts(baseline, read_stages(tables, baseline), stages_table),
        roofline=_parts(baseline, read_roofline(tables, baseline), roofline_table),
        roofline_chart=Chart(
            ROOFLINE_TITLE.format(escape_markdown(model)), f"{images}/{model}/{ROOFLINE_CHART}.svg"
        ),
        memory=[
            Part(escape_markdown(cell.dataset) if len(baseline) > 1 else "", memory_table(cell))
            for cell in predicted_memory(baseline)
        ],
        layers=_parts(baseline, read_layers(tables, baseline), layers_table),
        advice=[
            Part(
                escape_markdown(advice.subject.cell.dataset) if len(baseline) > 1 else "", advice_text(advice)
            )
            for advice in model_advice(cells, model, tables)
        ],
        layers_absent=[
            escape_markdown(reason)
            for reason in dict.fromkeys(cell.section_absent("layers") for cell in baseline)
            if reason
        ],
        sections=[_axis_section(cells, model, axis, tables, images) for axis in axes],
        others=listed(cells_table, cells.others(model)),
        audits=audits_table(findings) if findings else "",
        concerns=concerns_table(findings),
        examples=examples_table(tables, [cell for cell in baseline if cell.ok], thumbnail),
        records=records_table(own, runs) if runs else "",
        examples_note=(
            "The first answers at the baseline, only to show that the run did its work: the weights are random."
            if measured and measured.checkpoint_random_weights
            else "The first answers at the baseline, as the model gave them."
        ),
    )


def _parts(
    cells: Sequence[RunRow], rows: Mapping[RunKey, Sequence[T]], draw: Callable[[RunRow, Sequence[T]], str]
) -> list[Part]:
    """The tables of the cells that have rows; each names its data set where there are several."""
    several = len(cells) > 1
    return [
        Part(escape_markdown(cell.dataset) if several else "", draw(cell, rows[cell.place]))
        for cell in cells
        if cell.place in rows
    ]


def _axis_section(cells: Cells, model: str, axis: str, tables: Path, images: str) -> AxisSection:
    lines = cells.axis(model, axis)
    times = read_batch_times(tables, cells.on_axis(model, axis)) if axis == "optimization" else {}
    drawn = (*model_charts(cells.study, model), *stage_charts(cells.study, model))
    names = [name for name in drawn if name in (axis, f"{axis}_quality", f"{axis}_stages")]
    several = len(lines) > 1
    drifts = read_drift(tables) if axis == "optimization" else {}
    return AxisSection(
        title=capital(AXES[axis].word),
        settings=settings(lines[0][0].point, axis) if lines else "every cell of this axis is excluded",
        parts=[
            Part(
                escape_markdown(line[0].dataset) if several else "",
                "\n\n".join(filter(None, [axis_table(axis, line, times), drift_table(line, drifts)])),
            )
            for line in lines
        ],
        charts=[Chart(_chart_title(model, name), f"{images}/{model}/{name}.svg") for name in names],
        without_charts=""
        if names
        else "The study gives this axis a single value, so there is nothing to draw.",
    )


def _chart_title(model: str, name: str) -> str:
    axis = name.removesuffix("_quality").removesuffix("_stages")
    quantity = {axis: "latency", f"{axis}_quality": "quality", f"{axis}_stages": "where the time goes"}[name]
    return escape_markdown(f"{model}: {quantity} by {AXES[axis].word}, with 95 % intervals")
