#!/usr/bin/env python3
"""Write a study's pages from its tables: one for each model, and one across models; as Markdown, and as a
static site.

    write_report.py --study results/study.json --tables results/tables --plots results/plots \\
        --runs results/runs --datasets results/datasets --output results/reports
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path

from vlm_profiling.errors import main
from vlm_profiling.report.description import read_description
from vlm_profiling.report.pages.write import study_pages, write_markdown
from vlm_profiling.report.site.site import write_site
from vlm_profiling.tables.study_tables import StudyTables


def add_arguments(parser: ArgumentParser) -> None:
    """The study, its tables, charts, records and data sets, the folder to write."""
    parser.add_argument("--study", type=Path, required=True, help="JSON file with the study's settings")
    parser.add_argument(
        "--tables", type=Path, required=True, help="folder of the tables that merge_runs.py wrote"
    )
    parser.add_argument(
        "--plots", type=Path, required=True, help="folder of the charts that draw_charts.py drew"
    )
    parser.add_argument("--output", type=Path, required=True, help="folder for the pages")
    parser.add_argument("--runs", type=Path, help="folder of the records, to link to them")
    parser.add_argument(
        "--datasets", type=Path, help="folder of the prepared data sets, to show images next to answers"
    )


def write_report(options: Namespace) -> None:
    """Write the pages and the site, print how many pages there are."""
    study, _ = read_description(options.study)
    tables = StudyTables.read(study, options.tables)
    pages = study_pages(
        tables, options.tables, options.plots, options.output, runs=options.runs, datasets=options.datasets
    )
    write_markdown(pages, options.output)
    write_site(study, pages, options.plots, options.output)
    print(f"{len(pages)} pages")


if __name__ == "__main__":
    main(write_report, add_arguments, __doc__)
