"""The landing page: all models at the baseline, runs without results, and links to everything else."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from importlib.resources import files

from vlm_profiling.cost.functions import CONVENTION
from vlm_profiling.metrics.catalog import METRICS, STANDARD_METRICS, Metric
from vlm_profiling.metrics.estimate import Estimate, Unit, best_unit
from vlm_profiling.outputs import PUBLISHED_PAGE, axis_page_name, page_files, shared_axes
from vlm_profiling.report import pages
from vlm_profiling.report.charts.registry import Charts, study_charts
from vlm_profiling.report.markdown import escape_markdown
from vlm_profiling.report.pages.about import FAILURES, about_samples, count_tiles, provenance
from vlm_profiling.report.pages.advice import Advice, best_hints_blocks
from vlm_profiling.report.pages.audits import verdict_counts
from vlm_profiling.report.pages.parts import linked_model, listed, metrics_present
from vlm_profiling.report.pages.runs import failures_blocks, models_blocks
from vlm_profiling.report.pages.stages import models_stages_blocks
from vlm_profiling.report.table import (
    NOTHING,
    Block,
    Cell,
    Column,
    Heading,
    Inline,
    Number,
    Page,
    Plot,
    Prose,
    Table,
    Term,
    any_estimate,
    data_set_parts,
)
from vlm_profiling.report.words import settings
from vlm_profiling.study import Study
from vlm_profiling.study.axes import AXES
from vlm_profiling.tables.row import RunRow
from vlm_profiling.tables.study_tables import StudyTables

ABOUT_BEST = (
    "At the baseline: {}. Brackets contain 95 % intervals; two models whose intervals overlap are not "
    "distinguishable."
)
ABOUT_STAGES = "Shares of the end-to-end time at the baseline, from a separate pass with instrumented stages."
ABOUT_ADVICE = (
    "Where the time of each model leaves most room, by Amdahl's law, and the setting of this study that was "
    "faster. The page of a model lists all hints with their evidence."
)
ABOUT_TRADEOFF = (
    "Click a model, in a chart or in its legend, or sweep over a range of costs: its rows are highlighted in "
    "the tables."
)


def index_page(tables: StudyTables, advice: dict[str, list[Advice]], plots: str, tables_url: str) -> Page:
    """The page across models.

    Args:
        tables: the study's tables.
        advice: the hints by model.
        plots: address of the folder of charts, relative to the page.
        tables_url: address of the folder of tables, relative to the page.
    """
    study, rows = tables.study, tables.runs.all
    baseline = [row for model in study.models for row in tables.runs.baseline(model)]
    of_dataset = {
        dataset: [row for row in baseline if row.dataset == dataset]
        for dataset in dict.fromkeys(row.dataset for row in baseline)
    }
    blocks: list[Block] = [Prose(escape_markdown(study.description, longest=2000))]
    blocks += [Prose(provenance(rows)), count_tiles(rows, tables.findings)]
    if tables.findings:
        counts = verdict_counts(tables.findings)
        blocks.append(
            Prose(
                f"Audits of the runs with results: {counts}. Each model's page lists their questions and "
                f"evidence."
            )
        )
    best = best_table(baseline)
    if best:
        blocks += [Heading("In short"), Prose(ABOUT_BEST.format(settings(baseline[0].point))), best]
    for dataset, own in of_dataset.items():
        blocks.append(Heading(f"At the baseline: {dataset}" if len(of_dataset) > 1 else "At the baseline"))
        blocks.append(Prose(f"Settings: {settings(own[0].point)}. {about_samples(own)}".strip()))
        blocks += models_blocks(own)
    blocks += _charts(study, baseline, plots)
    stages = {name: models_stages_blocks(own, tables.stages) for name, own in of_dataset.items()}
    if any(stages.values()):
        blocks += [Heading("Where the time goes"), Prose(ABOUT_STAGES), *data_set_parts(stages)]
        blocks += _plots(study_charts(study, "stages"), plots)
    hints = best_hints_blocks(advice)
    if hints:
        blocks += [Heading("What to try next"), Prose(ABOUT_ADVICE), *hints]
    failures = listed(failures_blocks, [row for row in rows if not row.ok])
    if failures:
        blocks += [Heading(FAILURES), *failures]
    blocks += [Heading("Pages and tables"), Prose(_links(study, tables_url))]
    reading = files(pages).joinpath("reading.md").read_text(encoding="utf-8").format(convention=CONVENTION)
    blocks += [Heading("How to read these pages"), Prose(reading.rstrip())]
    return Page(study.name, blocks, "All models")


def best_table(rows: Sequence[RunRow]) -> Table | None:
    """The best model and the next one by each metric, for each data set that several models answered."""
    quality = metrics_present(STANDARD_METRICS, rows) or [METRICS["exact_match"]]
    contests = {
        "Lowest latency per sample": METRICS["generate_per_sample_s"],
        "Lowest energy per sample": METRICS["energy_per_sample_j"],
        "Smallest peak memory": METRICS["peak_memory_bytes"],
        **{f"Highest {_within_a_line(metric.title)}": metric for metric in quality},
    }
    asked = Counter(row.dataset for row in rows)
    datasets = [dataset for dataset, models in asked.items() if models > 1]
    lines: list[list[Cell]] = []
    for title, metric in contests.items():
        unit = best_unit(metric.units, [row.estimate(metric.id) for row in rows])
        places = [
            _first_two([row for row in rows if row.dataset == dataset], metric, unit) for dataset in datasets
        ]
        if any(places):
            about = "the best two models"
            lines.append([Term(title, metric.id, about), *(place or NOTHING for place in places)])
    heads = [Column("Metric", text=True), *(Column(dataset, text=True) for dataset in datasets)]
    return Table(heads, lines, sortable=False) if lines else None


def _within_a_line(title: str) -> str:
    """A title after other words; abbreviations stay in capitals."""
    return title[:1].lower() + title[1:] if title[1:2].islower() else title


def _first_two(rows: Sequence[RunRow], metric: Metric, unit: Unit) -> Cell | None:
    """The best two, and whether their intervals overlap; None with fewer than two estimates."""
    found = [(row, entry) for row in rows if isinstance(entry := row.estimate(metric.id), Estimate)]
    if len(found) < 2:
        return None
    sign = -1 if metric.better == "higher" else 1
    (first, best), (second, next_best) = sorted(found, key=lambda pair: sign * pair[1].value)[:2]
    apart = best.bounds[1] < next_best.bounds[0] or next_best.bounds[1] < best.bounds[0]
    word = "then" if apart else "not distinguishable from"
    one, two = (
        [linked_model(row), Number(entry, unit), unit.name]
        for row, entry in ((first, best), (second, next_best))
    )
    return Inline([*one[:2], f"{unit.name}, {word}", *two])


def _charts(study: Study, baseline: Sequence[RunRow], plots: str) -> list[Block]:
    """The charts across models that have something to show: energy only where some model has it."""
    metered = any_estimate(row.estimate("energy_per_sample_j") for row in baseline)
    charts = [
        chart for chart in study_charts(study, "tradeoff") if metered or chart.stem != "index/energy_quality"
    ]
    return [Heading("Cost against quality"), Prose(ABOUT_TRADEOFF), *_plots(charts, plots)]


def _plots(charts: Charts, plots: str) -> list[Block]:
    return [Plot(chart.title, f"{plots}/{chart.stem}.svg") for chart in charts]


def _links(study: Study, tables_url: str) -> str:
    """A list of all pages and of the tables in files."""
    links = {f"{model}.md": model for model in study.models}
    links |= {f"{axis_page_name(axis)}.md": f"All models by {AXES[axis].word}" for axis in shared_axes(study)}
    if PUBLISHED_PAGE in page_files(study):
        links[PUBLISHED_PAGE] = "Published results and ours"
    lines = [f"- [{escape_markdown(words)}]({address})" for address, words in links.items()]
    tables = {
        "Every metric of every run": ("runs",),
        "Every sample and answer": ("samples",),
        "Every stage and every kind of layer": ("stages", "layers"),
        "Every stage against datasheet and measured ceilings": ("roofline",),
        "Every finding of every audit": ("audits",),
    }
    for words, names in tables.items():
        linked = [
            f"[{name}.{kind}]({tables_url}/{name}.{kind})" for name in names for kind in ("csv", "parquet")
        ]
        lines.append(f"- {words}: {', '.join(linked)}")
    lines.append(f"- What every column contains: [README.md]({tables_url}/README.md)")
    return "\n".join(lines)
