"""The files of a comparison: its page in Markdown and HTML, and its chart."""

from __future__ import annotations

from pathlib import Path

from vlm_profiling.record.files import write_text
from vlm_profiling.report.charts.draw import write_chart
from vlm_profiling.report.comparison.chart import comparison_chart
from vlm_profiling.report.comparison.comparison import ResultsComparison
from vlm_profiling.report.comparison.page import comparison_page
from vlm_profiling.report.markdown import page_markdown
from vlm_profiling.report.site.site import write_lone_page

NAME = "comparison"
"""Of the files, without their endings."""


def write_comparison(comparison: ResultsComparison, folder: Path) -> None:
    """Write comparison.{md,html,vl.json,svg,png} to a folder. Imports Altair."""
    write_chart(comparison_chart(comparison), folder / NAME)
    page = comparison_page(comparison, f"{NAME}.svg")
    write_text(folder / f"{NAME}.md", page_markdown(page))
    write_lone_page(page, folder, NAME)
