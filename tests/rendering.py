"""A study's tables, pages and charts, for tests of the report."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import altair as alt
from study_folder import StudyFolder

from vlm_profiling.report.charts.draw import draw_charts
from vlm_profiling.report.charts.registry import modules, study_charts
from vlm_profiling.report.markdown import page_markdown
from vlm_profiling.report.pages.write import study_pages, write_markdown
from vlm_profiling.report.site.site import write_site
from vlm_profiling.report.table import Page
from vlm_profiling.tables.study_tables import StudyTables


def tables_of(study: StudyFolder) -> StudyTables:
    """The study's tables, merged and read."""
    return StudyTables.read(study.study, study.merge())


def typed_pages(study: StudyFolder, **folders: Path) -> dict[str, Page]:
    """The study's pages by name, at the addresses that they have in a results folder."""
    where = study.folder / "tables", study.folder / "plots", study.folder / "reports"
    return study_pages(tables_of(study), *where, **folders)


def pages_of(study: StudyFolder, **folders: Path) -> dict[str, str]:
    """The same in Markdown."""
    return {name: page_markdown(page) for name, page in typed_pages(study, **folders).items()}


def write_reports(study: StudyFolder, tables: StudyTables | None = None) -> None:
    """Write the study's charts, pages and site to its folder."""
    tables = tables or tables_of(study)
    plots, reports = study.folder / "plots", study.folder / "reports"
    draw_charts(tables, plots)
    pages = study_pages(tables, study.folder / "tables", plots, reports)
    write_markdown(pages, reports)
    write_site(study.study, pages, plots, reports)


def draw(tables: StudyTables, stem: str) -> alt.VConcatChart:
    """One chart of a study, by its file without the ending."""
    (chart,) = [chart for chart in study_charts(tables.study) if chart.stem == stem]
    return modules()[chart.kind].draw(tables, chart)


def parts_of(chart: alt.TopLevelMixin) -> Iterator[dict[str, Any]]:
    """Every mapping in a chart but its data, from the outside in."""

    def inner(part: object) -> Iterator[dict[str, Any]]:
        if isinstance(part, dict):
            yield part
            part = [value for name, value in part.items() if name != "data"]
        if isinstance(part, list):
            for each in part:
                yield from inner(each)

    return inner(chart.to_dict())


def rows_of(chart: alt.TopLevelMixin) -> list[dict[str, Any]]:
    """All rows of data in a chart, its panels' one after the other."""
    return [row for part in parts_of(chart) for row in part.get("data", {}).get("values", [])]


def section(page: str, title: str) -> str:
    """From a heading to the next one of its level; empty where there is none."""
    found = re.search(rf"^## {title}$(.*?)(?=^## |\Z)", page, re.MULTILINE | re.DOTALL)
    return found[1] if found else ""


def line_with(page: str, *texts: str) -> str:
    """The first line with all these texts."""
    return next(line for line in page.splitlines() if all(text in line for text in texts))


def cells_with(page: str, *texts: str) -> list[str]:
    """The cells of the first row with all these texts."""
    return [cell.strip() for cell in line_with(page, *texts).strip("|").split(" | ")]
