"""The page of one model."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from vlm_profiling.report.charts.registry import study_charts
from vlm_profiling.report.markdown import escape_markdown
from vlm_profiling.report.pages.about import about_model, counts_text
from vlm_profiling.report.pages.advice import ABOUT_GAIN, Advice, advice_blocks
from vlm_profiling.report.pages.audits import audits_table, concerns_blocks
from vlm_profiling.report.pages.drift import drift_blocks
from vlm_profiling.report.pages.examples import Thumbnails, examples_blocks, records_blocks
from vlm_profiling.report.pages.memory import memory_blocks
from vlm_profiling.report.pages.parts import HOW_TO_READ, capital, listed
from vlm_profiling.report.pages.roofline import roofline_blocks
from vlm_profiling.report.pages.runs import axis_blocks, baseline_blocks, runs_blocks
from vlm_profiling.report.pages.stages import layers_blocks, stages_blocks
from vlm_profiling.report.table import Block, Heading, Page, Plot, Prose, data_set_parts
from vlm_profiling.report.words import settings
from vlm_profiling.study.axes import AXES
from vlm_profiling.tables.identity import RunKey
from vlm_profiling.tables.row import RunRow
from vlm_profiling.tables.study_tables import StudyTables

ABOUT_STAGES = (
    "At the baseline, per batch, from a separate pass with instrumented stages. The time of a stage excludes "
    "that of stages inside it."
)
ABOUT_ROOFLINE = (
    "At the baseline, per full batch: the least that each stage has to compute and to move, and the time "
    "that the device needs for it."
)
ABOUT_MEMORY = (
    "At the baseline: what was predicted before the run from the model's cost and its largest batch, and "
    "what was measured."
)
ABOUT_LAYERS = (
    "At the baseline, inside `generate()`: the share of each stage's time by block of the model, and between "
    "the layers."
)
ABOUT_AUDITS = (
    "Each audit reads the finished records and asks a question whose answer would reveal a mistake. A failed "
    "one flags its metrics with ⚠ in every table."
)
RANDOM_EXAMPLES = (
    "The first answers at the baseline, only to show that the run did its work: the weights are random."
)
EXAMPLES = "The first answers at the baseline, as the model gave them."

T = TypeVar("T")


def no_image(*_: str) -> None:
    """A thumbnail where no images are available."""


def model_page(
    tables: StudyTables,
    model: str,
    advice: Sequence[Advice],
    plots: str,
    thumbnail: Thumbnails = no_image,
    runs: str = "",
) -> Page:
    """The page of one model.

    Args:
        tables: the study's tables.
        model: its name.
        advice: the hints on it.
        plots: address of the folder of charts, relative to the page.
        thumbnail: returns the address of a small copy of a sample's image.
        runs: address of the folder of records, relative to the page; empty: no links to records.
    """
    own = [row for row in tables.runs.all if row.model == model]
    baseline = tables.runs.baseline(model)
    measured = next((row for row in (*baseline, *own) if row.ok), None)
    about = about_model(measured) if measured else "No run of this model has results yet."
    blocks: list[Block] = [Prose(about)]
    blocks.append(Prose(f"{counts_text(own)} Back to [all models](index.md); {HOW_TO_READ}."))
    blocks.append(Heading("Baseline"))
    if baseline:
        blocks += [Prose(f"Settings: {settings(baseline[0].point)}."), *baseline_blocks(baseline)]
    else:
        blocks.append(Prose("This model has no run at the baseline."))
    blocks += _section(
        "Where the time goes", ABOUT_STAGES, _by_data_set(baseline, tables.stages, stages_blocks)
    )
    blocks += _section(
        "Distance to what the device allows",
        ABOUT_ROOFLINE,
        _by_data_set(baseline, tables.roofline, roofline_blocks),
        _plots(tables, model, "", "roofline", plots),
    )
    predicted = [row for row in baseline if row.predicted_peak_bytes is not None]
    blocks += _section("Memory", ABOUT_MEMORY, {row.dataset: memory_blocks(row) for row in predicted})
    reasons = dict.fromkeys(filter(None, (row.section_absent("layers") for row in baseline)))
    no_layers = [Prose(f"No layers: {escape_markdown(reason)}.") for reason in reasons]
    layers = _by_data_set(baseline, tables.layers, layers_blocks)
    blocks += _section("Layers", ABOUT_LAYERS, layers, no_layers)
    hints = {each.subject.row.dataset: advice_blocks(each) for each in advice}
    blocks += _section("What to try next", ABOUT_GAIN, hints)
    chosen = {axis: varied.models or tables.study.models for axis, varied in tables.study.axes.items()}
    axes = sorted((axis for axis in AXES if model in chosen.get(axis, ())), key="optimization".__eq__)
    for axis in axes:
        blocks += _axis_section(tables, model, axis, plots)
    others = listed(runs_blocks, tables.runs.others(model))
    blocks += [Heading("Further runs"), *others] if others else []
    findings = [finding for finding in tables.findings if finding.model == model]
    if findings:
        table, concerns = audits_table(findings), concerns_blocks(findings)
        blocks += [Heading("Audits"), Prose(ABOUT_AUDITS), table, *concerns]
    examples = examples_blocks([row for row in baseline if row.ok], tables.samples, thumbnail)
    if examples:
        random = measured is not None and measured.checkpoint_random_weights
        about_examples = RANDOM_EXAMPLES if random else EXAMPLES
        blocks += [Heading("Example answers"), Prose(about_examples), *examples]
    if runs:
        note = "The record of a run is a JSON file with all measurements behind its results."
        blocks += [Heading("Records"), Prose(note), *records_blocks(own, runs)]
    return Page(model, blocks)


def _section(
    title: str, about: str, parts: Mapping[str, Sequence[Block]], after: Sequence[Block] = ()
) -> list[Block]:
    """A section with the blocks of each data set; nothing where there is nothing to show.

    Args:
        title: its heading.
        about: its first paragraph.
        parts: the blocks by data set.
        after: blocks at its end.
    """
    if not any(parts.values()) and not any(isinstance(block, Prose) for block in after):
        return []
    return [Heading(title), Prose(about), *data_set_parts(parts), *after]


def _by_data_set(
    baseline: Sequence[RunRow],
    rows: Mapping[RunKey, Sequence[T]],
    make: Callable[[RunRow, Sequence[T]], list[Block]],
) -> dict[str, list[Block]]:
    """The blocks of the runs that have rows, by data set."""
    return {row.dataset: make(row, rows[row.place]) if row.place in rows else [] for row in baseline}


def _axis_section(tables: StudyTables, model: str, axis: str, plots: str) -> list[Block]:
    lines = tables.runs.axis(model, axis)
    held = settings(lines[0][0].point, axis) if lines else "every run of this axis is excluded"
    parts = {
        line[0].dataset: [
            *axis_blocks(axis, line, tables.batch_times),
            *(drift_blocks(line, tables.drift) if axis == "optimization" else []),
        ]
        for line in lines
    }
    drawn = _plots(tables, model, axis, "axis", plots)
    single = [Prose("The study gives this axis a single value, so there is nothing to draw.")]
    return [
        Heading(capital(AXES[axis].word)),
        Prose(f"Settings: {held}."),
        *data_set_parts(parts),
        *(drawn or single),
    ]


def _plots(tables: StudyTables, model: str, axis: str, section: str, plots: str) -> list[Block]:
    charts = study_charts(tables.study, section, model=model, axis=axis)
    return [Plot(chart.title, f"{plots}/{chart.stem}.svg") for chart in charts]
