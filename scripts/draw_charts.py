#!/usr/bin/env python3
"""Draw a study's charts from its tables, each as Vega-Lite JSON, SVG and PNG.

draw_charts.py --study results/study.json --tables results/tables --output results/plots
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path

from vlm_profiling.errors import main
from vlm_profiling.large_imports import large_imports
from vlm_profiling.outputs import chart_processes
from vlm_profiling.report.description import read_description
from vlm_profiling.tables.study_tables import StudyTables


def add_arguments(parser: ArgumentParser) -> None:
    """The study, its tables, the folder to write, the processes to use."""
    parser.add_argument("--study", type=Path, required=True, help="JSON file with the study's settings")
    parser.add_argument(
        "--tables", type=Path, required=True, help="folder of the tables that merge_runs.py wrote"
    )
    parser.add_argument("--output", type=Path, required=True, help="folder for the charts")
    parser.add_argument(
        "--processes", type=int, help="1, or 2; by default as many as the number of charts is worth"
    )


def draw(options: Namespace) -> None:
    """Draw the charts, print how many there are."""
    with large_imports():
        from vlm_profiling.report.charts.draw import draw_charts
    study, _ = read_description(options.study)
    processes = chart_processes(study) if options.processes is None else options.processes
    count = draw_charts(StudyTables.read(study, options.tables), options.output, processes)
    print(f"{count} charts")


if __name__ == "__main__":
    main(draw, add_arguments, __doc__)
