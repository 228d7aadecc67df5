"""Which files a study's tables, charts and pages are: from the settings alone, so that rules can declare
them.
"""

from __future__ import annotations

from vlm_profiling.report.charts.registry import axis_page_name, shared_axes, study_charts
from vlm_profiling.report.published import published_models
from vlm_profiling.study import Study
from vlm_profiling.tables.files import TABLE_ENDINGS, TABLES, TABLES_README

CHART_ENDINGS = (".vl.json", ".svg", ".png")
SITE_FOLDER = "site"
SITE_FILES = ("site.css", "site.js", "vega.js")
MANY_CHARTS = 24
PUBLISHED_PAGE = "published.md"
"""Of a study with models that others published results of."""


def table_files() -> list[str]:
    """Every file of tables, relative to their folder."""
    return [*(table + ending for table in TABLES for ending in TABLE_ENDINGS), TABLES_README]


def audit_files() -> list[str]:
    """The files that audits write, relative to the folder of tables: findings, and the drift of answers."""
    return [table + ending for table in ("audits", "drift") for ending in TABLE_ENDINGS]


def roofline_files() -> list[str]:
    """The files of the roofline's table, relative to the folder of tables."""
    return [f"roofline{ending}" for ending in TABLE_ENDINGS]


def chart_files(study: Study) -> list[str]:
    """Every chart file, relative to the folder of plots."""
    return [chart.stem + ending for chart in study_charts(study) for ending in CHART_ENDINGS]


def chart_kinds(study: Study) -> dict[str, str]:
    """The kind of each chart by its file without the ending: each kind has a caption in rules/captions."""
    return {chart.stem: chart.kind for chart in study_charts(study)}


def chart_processes(study: Study) -> int:
    """How many processes drawing the charts keeps busy: another one takes a second to start."""
    return 2 if len(chart_files(study)) >= MANY_CHARTS * len(CHART_ENDINGS) else 1


def page_files(study: Study) -> list[str]:
    """Every page in Markdown, relative to the folder of reports."""
    published = [PUBLISHED_PAGE] if published_models(study) else []
    axes = [f"{axis_page_name(axis)}.md" for axis in shared_axes(study)]
    return ["index.md", *(f"{model}.md" for model in study.models), *axes, *published]


def site_files(study: Study) -> list[str]:
    """The same pages in HTML and what these share, relative to the folder of reports."""
    pages = [f"{page.removesuffix('.md')}.html" for page in page_files(study)]
    return [*pages, *(f"{SITE_FOLDER}/{name}" for name in SITE_FILES)]
