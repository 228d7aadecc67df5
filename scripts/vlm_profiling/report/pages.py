"""The pages of a study in Markdown, from its tables: one for each model, and one across models."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import jinja2
import msgspec

from vlm_profiling.cost.functions import CONVENTION
from vlm_profiling.record.files import write_text
from vlm_profiling.report import templates
from vlm_profiling.report.axis_pages import axis_page
from vlm_profiling.report.cells import Cell, Cells, read_cells
from vlm_profiling.report.compare import read_batch_times
from vlm_profiling.report.figures import Figure
from vlm_profiling.report.files import (
    INDEX_CHARTS,
    PUBLISHED_PAGE,
    ROOFLINE_CHART,
    axis_page_name,
    model_charts,
    page_files,
    shared_axes,
    stage_charts,
)
from vlm_profiling.report.inside import read_layers, read_stages
from vlm_profiling.report.markdown import escape_markdown
from vlm_profiling.report.page_advice import advice_text, best_hints_table, model_advice
from vlm_profiling.report.page_audits import audits_table, concerns_table, verdict_counts
from vlm_profiling.report.page_examples import Thumbnail, examples_table, make_thumbnails, records_table
from vlm_profiling.report.page_memory import memory_table, predicted_memory
from vlm_profiling.report.page_published import published_page
from vlm_profiling.report.page_roofline import roofline_table
from vlm_profiling.report.page_stages import layers_table, models_stages_table, stages_table
from vlm_profiling.report.page_tables import axis_table, baseline_table, cells_table, failures_table, models_table
from vlm_profiling.report.places import Place
from vlm_profiling.report.roofline import read_roofline
from vlm_profiling.report.words import settings
from vlm_profiling.study import Study
from vlm_profiling.study.axes import AXIS

LISTED = 100
"""Cells listed one by one; the tables hold all."""
STATUSES = ("ok", "unsupported", "oom", "timeout", "error", "missing", "malformed", "foreign")

CHART_TITLES = {
    "latency_quality": "Latency against word error rate, one point a model, with 95 % intervals",
    "energy_quality": "Energy against word error rate, one point a model, with 95 % intervals",
    "memory": "Peak memory by model, with the part that is weights",
    "flops": "FLOPs per batch by model, stacked by stage",
    "stages": "Time per batch by model, stacked by stage, with the shares beside it",
}


_ROOFLINE_TITLE = "{}: work per second of each stage against what the device allows, over FLOP per byte"

T = TypeVar("T")


@dataclass(frozen=True)
class Chart:
    """A picture on a page."""

    title: str
    path: str


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


def write_pages(
    study: Study, tables: Path, plots: Path, output: Path, *, runs: Path | None = None, datasets: Path | None = None
) -> int:
    """Write every page of `files.page_files`; returns how many there are.

    Where the folders of records and of prepared data sets are given, pages link to the records and show samples' pictures.
    """
    cells = read_cells(study, tables)
    pictures, figures = (os.path.relpath(folder, output) for folder in (plots, tables))
    thumbnail = make_thumbnails(datasets, output) if datasets else _no_picture
    records = os.path.relpath(runs, output) if runs else ""
    write_text(output / "index.md", index_page(cells, tables, pictures, figures))
    for model in study.models:
        page = model_page(cells, model, tables, pictures, thumbnail, records)
        write_text(output / f"{model}.md", page)
    for axis in shared_axes(study):
        on_axis = [cell for model in study.models for cell in cells.on_axis(model, axis)]
        name = axis_page_name(axis)
        page = axis_page(cells, axis, read_batch_times(tables, on_axis), f"{pictures}/index/{name}.svg")
        write_text(output / f"{name}.md", page)
    if PUBLISHED_PAGE in page_files(study):
        write_text(output / PUBLISHED_PAGE, published_page(cells, tables))
    return len(page_files(study))


def index_page(cells: Cells, tables: Path, pictures: str, figures: str) -> str:
    """The page across models. `pictures` and `figures` are the relative paths of plots and of the folder `tables`."""
    study = cells.study
    baseline = [cell for model in study.models for cell in cells.baseline(model)]
    datasets = dict.fromkeys(cell.dataset for cell in baseline)
    failures = [cell for cell in cells.all if not cell.ok]
    stages = read_stages(tables, baseline)
    return _render(
        "index.md.j2",
        name=escape_markdown(study.name),
        description=escape_markdown(study.description, longest=2000),
        provenance=_provenance(cells.all),
        counts=_counts(cells.all),
        audits=verdict_counts(cells.findings),
        datasets=[
            {
                "name": escape_markdown(dataset),
                "settings": settings(baseline[0].point),
                "about": _about_samples([cell for cell in baseline if cell.dataset == dataset]),
                "table": models_table([cell for cell in baseline if cell.dataset == dataset]),
                "stages": models_stages_table([cell for cell in baseline if cell.dataset == dataset], stages),
            }
            for dataset in datasets
        ],
        charts=[Chart(CHART_TITLES[name], f"{pictures}/index/{name}.svg") for name in _index_charts(baseline)],
        stages_chart=Chart(CHART_TITLES["stages"], f"{pictures}/index/stages.svg"),
        advice=best_hints_table([advice for model in study.models for advice in model_advice(cells, model, tables)]),
        failures=_listed(failures_table, failures),
        pages=_linked_pages(study),
        tables=figures,
    )


def _index_charts(baseline: Sequence[Cell]) -> list[str]:
    """The charts across models that have something to show: energy only where some model has it."""
    metered = any(isinstance(cell.energy, Figure) for cell in baseline)
    return [name for name in INDEX_CHARTS if metered or name != "energy_quality"]


def _no_picture(*_: str) -> None:
    """A thumbnail where no pictures are at hand."""


def model_page(cells: Cells, model: str, tables: Path, pictures: str, thumbnail: Thumbnail = _no_picture, runs: str = "") -> str:
    """The page of one model. `pictures` and `runs` are the relative paths of plots and of the folder of records."""
    own = [cell for cell in cells.all if cell.model == model]
    baseline = cells.baseline(model)
    measured = next((cell for cell in (*baseline, *own) if cell.ok), None)
    chosen = {axis: varied.models or cells.study.models for axis, varied in cells.study.axes.items()}
    axes = sorted((axis for axis in AXIS if model in chosen.get(axis, ())), key="optimization".__eq__)
    findings = [finding for finding in cells.findings if finding.model == model]
    return _render(
        "model.md.j2",
        name=escape_markdown(model),
        about=_about(measured) if measured else "No run of this model has figures yet.",
        counts=_counts(own),
        baseline=baseline_table(baseline) if baseline else "",
        baseline_settings=settings(baseline[0].point) if baseline else "",
        stages=_parts(baseline, read_stages(tables, baseline), stages_table),
        roofline=_parts(baseline, read_roofline(tables, baseline), roofline_table),
        roofline_chart=Chart(_ROOFLINE_TITLE.format(escape_markdown(model)), f"{pictures}/{model}/{ROOFLINE_CHART}.svg"),
        memory=[
            Part(escape_markdown(cell.dataset) if len(baseline) > 1 else "", memory_table(cell))
            for cell in predicted_memory(baseline)
        ],
        layers=_parts(baseline, read_layers(tables, baseline), layers_table),
        advice=[
            Part(escape_markdown(advice.subject.cell.dataset) if len(baseline) > 1 else "", advice_text(advice))
            for advice in model_advice(cells, model, tables)
        ],
        layers_absent=[escape_markdown(reason) for reason in dict.fromkeys(cell.layers_absent for cell in baseline) if reason],
        sections=[_axis_section(cells, model, axis, tables, pictures) for axis in axes],
        others=_listed(cells_table, cells.others(model)),
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


def _parts(cells: Sequence[Cell], rows: Mapping[Place, Sequence[T]], draw: Callable[[Cell, Sequence[T]], str]) -> list[Part]:
    """The tables of the cells that have rows; each names its data set where there are several."""
    several = len(cells) > 1
    return [
        Part(escape_markdown(cell.dataset) if several else "", draw(cell, rows[cell.place]))
        for cell in cells
        if cell.place in rows
    ]


def _axis_section(cells: Cells, model: str, axis: str, tables: Path, pictures: str) -> AxisSection:
    lines = cells.axis(model, axis)
    times = read_batch_times(tables, cells.on_axis(model, axis)) if axis == "optimization" else {}
    drawn = (*model_charts(cells.study, model), *stage_charts(cells.study, model))
    names = [name for name in drawn if name in (axis, f"{axis}_quality", f"{axis}_stages")]
    several = len(lines) > 1
    return AxisSection(
        title=_capital(AXIS[axis].word),
        settings=settings(lines[0][0].point, axis) if lines else "every cell of this axis is excluded",
        parts=[Part(escape_markdown(line[0].dataset) if several else "", axis_table(axis, line, times)) for line in lines],
        charts=[Chart(_chart_title(model, name), f"{pictures}/{model}/{name}.svg") for name in names],
        without_charts="" if names else "The study gives this axis a single value, so there is nothing to draw.",
    )


def _chart_title(model: str, name: str) -> str:
    axis = name.removesuffix("_quality").removesuffix("_stages")
    quantity = {axis: "latency", f"{axis}_quality": "quality", f"{axis}_stages": "where the time goes"}[name]
    return escape_markdown(f"{model}: {quantity} by {AXIS[axis].word}, with 95 % intervals")


def _linked_pages(study: Study) -> list[dict[str, str]]:
    pages = [{"name": escape_markdown(model), "path": f"{model}.md"} for model in study.models]
    for axis in shared_axes(study):
        pages.append({"name": f"All models by {AXIS[axis].word}", "path": f"{axis_page_name(axis)}.md"})
    if PUBLISHED_PAGE in page_files(study):
        pages.append({"name": "Published figures beside ours", "path": PUBLISHED_PAGE})
    return pages


def _about_samples(cells: Sequence[Cell]) -> str:
    """Where a data set's samples come from, how they ask, and on what terms; empty where no run tells."""
    cell = next((cell for cell in cells if cell.dataset_source), None)
    if cell is None:
        return ""
    parts = {
        "from": cell.dataset_source,
        "split": cell.dataset_split,
        "prompts": cell.dataset_prompt,
        "licence": cell.dataset_licence,
    }
    said = ", ".join(f"{title} {escape_markdown(value)}" for title, value in parts.items() if value)
    return f"{cell.dataset_samples} samples, {said}."


def _about(cell: Cell) -> str:
    """What was loaded, in a sentence or two, from the record of one run."""
    revision = f" at revision {cell.checkpoint_revision}" if cell.checkpoint_revision else ""
    dtypes = ", ".join(msgspec.json.decode(cell.checkpoint_dtypes or "{}", type=dict[str, int]))
    random = " Its weights are random, so its answers mean nothing and have no quality." if cell.checkpoint_random_weights else ""
    return escape_markdown(
        f"{cell.checkpoint_source}{revision}: {cell.checkpoint_architecture} (family {cell.checkpoint_family}), "
        f"{cell.checkpoint_parameters:,} parameters in {dtypes}, attention {cell.checkpoint_attention}, "
        f"image processor {cell.checkpoint_processor}.{random}",
        longest=1000,
    )


def _provenance(cells: Sequence[Cell]) -> str:
    """Where, when and with what the records were made; several values where records of several are mixed."""
    ran = [cell for cell in cells if cell.started_at]
    if not ran:
        return "No run has a record yet."
    packages = [msgspec.json.decode(cell.environment_packages or "{}", type=dict[str, str]) for cell in ran]
    libraries = [
        " and ".join(f"{name} {versions[name]}" for name in ("torch", "transformers") if name in versions)
        for versions in packages
    ]
    days = sorted({(cell.started_at or "")[:10] for cell in ran})
    facts = {
        "GPU": _distinct(_with(cell.environment_gpu_name, "driver", cell.environment_gpu_driver) for cell in ran),
        "CPU": _distinct(f"{cell.environment_cpu}, {cell.environment_threads} threads" for cell in ran),
        "libraries": _distinct(libraries),
        "image": _distinct(cell.environment_container_digest for cell in ran),
        "code": _distinct(_commit(cell) for cell in ran),
        "protocol version": _distinct(str(cell.protocol_version) for cell in ran),
    }
    words = "; ".join(f"{name}: {' | '.join(values)}" for name, values in facts.items() if values)
    when = days[0] if len(days) == 1 else f"{days[0]} to {days[-1]}"
    text = f"Measured {when}. {_capital(words)}."
    mixed = [name for name in ("libraries", "image", "code", "protocol version") if len(facts[name]) > 1]
    if mixed:
        text += f" Records of different {' and '.join(mixed)} are mixed here: compare them with care."
    return escape_markdown(text, longest=2000)


def _commit(cell: Cell) -> str:
    if cell.environment_git_commit is None:
        return "not in a git repository"
    return f"commit {cell.environment_git_commit[:10]}{', with uncommitted changes' if cell.environment_git_dirty else ''}"


def _with(name: str | None, word: str, detail: str | None) -> str | None:
    return f"{name}, {word} {detail}" if name else None


def _distinct(values: Iterable[str | None]) -> list[str]:
    return list(dict.fromkeys(value for value in values if value))


def _counts(cells: Sequence[Cell]) -> str:
    """How many cells have which status: 126 cells: 104 ok, 17 oom."""
    counts = Counter(cell.status for cell in cells)
    told = f"{len(cells)} cells: {', '.join(f'{counts[status]} {status}' for status in STATUSES if counts[status])}."
    stale = [cell for cell in cells if cell.state == "stale"]
    return f"{told} Stale are {len(stale)}: code, data set or checkpoint changed since they were measured." if stale else told


def _listed(make_table: Callable[[Sequence[Cell]], str], cells: Sequence[Cell]) -> str:
    """A table of the first cells, and how many more there are; nothing for none."""
    if not cells:
        return ""
    more = f"\n\nAnd {len(cells) - LISTED} more, in the table of runs." if len(cells) > LISTED else ""
    return make_table(cells[:LISTED]) + more


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _render(template: str, **values: object) -> str:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader(templates.__name__, "."),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # Markdown, not HTML: escape_markdown has been at every piece of text that is not ours
    )
    return environment.get_template(template).render(convention=CONVENTION, **values)
