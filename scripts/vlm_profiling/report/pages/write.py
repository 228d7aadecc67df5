"""The pages of a study, from its tables, and their Markdown files."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from vlm_profiling.outputs import PUBLISHED_PAGE, axis_page_name, page_files, shared_axes
from vlm_profiling.record.files import write_text
from vlm_profiling.report.markdown import page_markdown
from vlm_profiling.report.pages.advice import study_advice
from vlm_profiling.report.pages.axis import axis_page
from vlm_profiling.report.pages.examples import make_thumbnails
from vlm_profiling.report.pages.index import index_page
from vlm_profiling.report.pages.model import model_page, no_image
from vlm_profiling.report.pages.published import published_page
from vlm_profiling.report.table import Page
from vlm_profiling.tables.study_tables import StudyTables


def study_pages(
    tables: StudyTables,
    folder: Path,
    plots: Path,
    output: Path,
    *,
    runs: Path | None = None,
    datasets: Path | None = None,
) -> dict[str, Page]:
    """Every page of `outputs.page_files`, by its file's name without the ending.

    Args:
        tables: the study's tables.
        folder: the folder of the tables' files.
        plots: the folder of the charts.
        output: the folder of the pages; small copies of samples' images are written to it.
        runs: the folder of records, to link to them.
        datasets: the folder of prepared data sets, to show samples' images.
    """
    study = tables.study
    plots_url, tables_url = (os.path.relpath(path, output) for path in (plots, folder))
    thumbnail = make_thumbnails(datasets, output) if datasets else no_image
    records = os.path.relpath(runs, output) if runs else ""
    advice = study_advice(tables)
    pages = {"index": index_page(tables, advice, plots_url, tables_url)}
    for model in study.models:
        pages[model] = model_page(tables, model, advice[model], plots_url, thumbnail, records)
    for axis in shared_axes(study):
        pages[axis_page_name(axis)] = axis_page(tables, axis, plots_url)
    if PUBLISHED_PAGE in page_files(study):
        pages[PUBLISHED_PAGE.removesuffix(".md")] = published_page(tables)
    return pages


def write_markdown(pages: Mapping[str, Page], output: Path) -> None:
    """Write each page as NAME.md."""
    for name, page in pages.items():
        write_text(output / f"{name}.md", page_markdown(page))
