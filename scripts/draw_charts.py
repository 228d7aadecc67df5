#!/usr/bin/env python3
"""Draw a study's charts from its tables, each as Vega-Lite JSON, SVG and PNG.

    draw_charts.py --study results/study.json --tables results/tables --output results/plots

Exit status 2 when the study or the tables cannot be read.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from vlm_profiling.large_imports import large_imports
from vlm_profiling.outputs import chart_processes
from vlm_profiling.record.files import RecordError
from vlm_profiling.report.description import read_description
from vlm_profiling.study import ConfigError


def main() -> int:
    """Parse, draw, tell."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--study", type=Path, required=True, help="JSON file with the study's settings")
    parser.add_argument(
        "--tables", type=Path, required=True, help="folder of the tables that merge_runs.py wrote"
    )
    parser.add_argument("--output", type=Path, required=True, help="folder for the charts")
    parser.add_argument(
        "--processes", type=int, help="1, or 2; by default as many as the number of charts is worth"
    )
    options = parser.parse_args()
    with large_imports():
        from vlm_profiling.report.charts.draw import draw_charts
    try:
        study, _ = read_description(options.study)
        processes = chart_processes(study) if options.processes is None else options.processes
        count = draw_charts(study, options.tables, options.output, processes)
    except (ConfigError, RecordError, OSError) as error:
        print(f"draw_charts: {error}", file=sys.stderr)
        return 2
    print(f"{count} charts")
    return 0


if __name__ == "__main__":
    sys.exit(main())
