"""The pages of a study in Markdown, from its tables."""

from __future__ import annotations

import os
from pathlib import Path

from vlm_profiling.outputs import PUBLISHED_PAGE, axis_page_name, page_files, shared_axes
from vlm_profiling.record.files import write_text
from vlm_profiling.report.comparison.pairs import read_batch_times
from vlm_profiling.report.pages.axis import axis_page
from vlm_profiling.report.pages.examples import make_thumbnails
from vlm_profiling.report.pages.index import index_page
from vlm_profiling.report.pages.model import model_page, no_image
from vlm_profiling.report.pages.published import published_page
from vlm_profiling.study import Study
from vlm_profiling.tables.drift import read_drift
from vlm_profiling.tables.study_tables import read_cells


def write_pages(
    study: Study,
    tables: Path,
    plots: Path,
    output: Path,
    *,
    runs: Path | None = None,
    datasets: Path | None = None,
) -> int:
    """Write every page of `files.page_files`; returns how many there are.

    Where the folders of records and of prepared data sets are given, pages link to the records and show
    samples' images.
    """
    cells = read_cells(study, tables)
    images, figures = (os.path.relpath(folder, output) for folder in (plots, tables))
    thumbnail = make_thumbnails(datasets, output) if datasets else no_image
    records = os.path.relpath(runs, output) if runs else ""
    write_text(output / "index.md", index_page(cells, tables, images, figures))
    for model in study.models:
        page = model_page(cells, model, tables, images, thumbnail, records)
        write_text(output / f"{model}.md", page)
    drifts = read_drift(tables)
    for axis in shared_axes(study):
        on_axis = [cell for model in study.models for cell in cells.on_axis(model, axis)]
        name = axis_page_name(axis)
        page = axis_page(cells, axis, read_batch_times(tables, on_axis), f"{images}/index/{name}.svg", drifts)
        write_text(output / f"{name}.md", page)
    if PUBLISHED_PAGE in page_files(study):
        write_text(output / PUBLISHED_PAGE, published_page(cells, tables))
    return len(page_files(study))
