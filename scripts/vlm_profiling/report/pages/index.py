"""The landing page: all models beside each other at the baseline, what has no figures, and where to go from
here.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from vlm_profiling.metrics.estimate import Estimate
from vlm_profiling.outputs import INDEX_CHARTS, PUBLISHED_PAGE, axis_page_name, page_files, shared_axes
from vlm_profiling.report.markdown import escape_markdown
from vlm_profiling.report.pages.about import about_samples, counts_text, provenance
from vlm_profiling.report.pages.advice import best_hints_table, model_advice
from vlm_profiling.report.pages.audits import verdict_counts
from vlm_profiling.report.pages.best import best_table
from vlm_profiling.report.pages.parts import Chart, listed, render
from vlm_profiling.report.pages.stages import models_stages_table
from vlm_profiling.report.pages.tables import failures_table, models_table
from vlm_profiling.report.words import settings
from vlm_profiling.study import Study
from vlm_profiling.study.axes import AXES
from vlm_profiling.tables.breakdown import read_stages
from vlm_profiling.tables.row import RunRow
from vlm_profiling.tables.study_tables import Cells

CHART_TITLES = {
    "latency_quality": "Latency against word error rate, one point a model, with 95 % intervals",
    "energy_quality": "Energy against word error rate, one point a model, with 95 % intervals",
    "memory": "Peak memory by model, with the part that is weights",
    "flops": "FLOPs per batch by model, stacked by stage",
    "stages": "Time per batch by model, stacked by stage, with the shares beside it",
}


def index_page(cells: Cells, tables: Path, images: str, figures: str) -> str:
    """The page across models. `images` and `figures` are the relative paths of plots and of the folder
    `tables`.
    """
    study = cells.study
    baseline = [cell for model in study.models for cell in cells.baseline(model)]
    datasets = dict.fromkeys(cell.dataset for cell in baseline)
    failures = [cell for cell in cells.all if not cell.ok]
    stages = read_stages(tables, baseline)
    return render(
        "index.md.j2",
        name=escape_markdown(study.name),
        description=escape_markdown(study.description, longest=2000),
        provenance=provenance(cells.all),
        counts=counts_text(cells.all),
        audits=verdict_counts(cells.findings),
        datasets=[
            {
                "name": escape_markdown(dataset),
                "settings": settings(baseline[0].point),
                "about": about_samples([cell for cell in baseline if cell.dataset == dataset]),
                "table": models_table([cell for cell in baseline if cell.dataset == dataset]),
                "stages": models_stages_table([cell for cell in baseline if cell.dataset == dataset], stages),
            }
            for dataset in datasets
        ],
        best=best_table(baseline),
        settings=settings(baseline[0].point) if baseline else "",
        charts=[Chart(CHART_TITLES[name], f"{images}/index/{name}.svg") for name in _index_charts(baseline)],
        stages_chart=Chart(CHART_TITLES["stages"], f"{images}/index/stages.svg"),
        advice=best_hints_table(
            [advice for model in study.models for advice in model_advice(cells, model, tables)]
        ),
        failures=listed(failures_table, failures),
        pages=_linked_pages(study),
        tables=figures,
    )


def _index_charts(baseline: Sequence[RunRow]) -> list[str]:
    """The charts across models that have something to show: energy only where some model has it."""
    metered = any(isinstance(cell.estimate("energy_per_sample_j"), Estimate) for cell in baseline)
    return [name for name in INDEX_CHARTS if metered or name != "energy_quality"]


def _linked_pages(study: Study) -> list[dict[str, str]]:
    pages = [{"name": escape_markdown(model), "path": f"{model}.md"} for model in study.models]
    for axis in shared_axes(study):
        pages.append({"name": f"All models by {AXES[axis].word}", "path": f"{axis_page_name(axis)}.md"})
    if PUBLISHED_PAGE in page_files(study):
        pages.append({"name": "Published figures beside ours", "path": PUBLISHED_PAGE})
    return pages
