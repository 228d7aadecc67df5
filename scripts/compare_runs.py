#!/usr/bin/env python3
"""Compare two results folders, cell by cell: before and after a driver, on two GPUs, or two optimizations of
one study.

    compare_runs.py results-before results-after --output comparison --fail-on slower worse
    compare_runs.py results --optimization fp16 compile

Cells are matched by model, data set and settings, also where their keys differ, and what differs is told.
Prints a table and a summary; with --output also writes FOLDER/comparison.{md,html,vl.json,svg,png}. Exit
status 1 when something that --fail-on names holds of a cell, beyond what chance does among so many; 2 when a
folder has no records, or nothing matches.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from vlm_profiling.large_imports import large_imports
from vlm_profiling.record.files import RecordError, write_text
from vlm_profiling.report.comparison.comparison import (
    FAILURES,
    Comparison,
    NothingMatchesError,
    compare_results,
)
from vlm_profiling.report.comparison.page import comparison_lines, comparison_page, failure_line
from vlm_profiling.tables.results_folder import read_results

NAME = "comparison"


def main() -> int:
    """Parse, compare, print, write, judge."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("before", type=Path, help="results folder that the other is compared with")
    parser.add_argument("after", type=Path, nargs="?", help="results folder; by default the same one")
    parser.add_argument(
        "--optimization",
        nargs=2,
        metavar=("BEFORE", "AFTER"),
        help="compare these two optimizations, all else equal",
    )
    parser.add_argument(
        "--fail-on", nargs="+", choices=FAILURES, default=[], help="what ends with exit status 1"
    )
    parser.add_argument("--output", type=Path, help="folder for the page and the chart")
    options = parser.parse_args()
    if options.after is None and options.optimization is None:
        parser.error("one folder is compared with itself only with --optimization BEFORE AFTER")
    try:
        before = read_results(options.before)
        after = read_results(options.after) if options.after else before
        comparison = compare_results(
            before, after, tuple(options.optimization) if options.optimization else None
        )
    except (RecordError, NothingMatchesError) as error:
        print(f"compare_runs: {error}", file=sys.stderr)
        return 2
    print("\n".join(comparison_lines(comparison)), flush=True)
    if options.output:
        write_comparison(comparison, options.output)
    failures = comparison.failures(options.fail_on)
    for pair, word in failures:
        print(failure_line(pair, word), file=sys.stderr)
    return 1 if failures else 0


def write_comparison(comparison: Comparison, folder: Path) -> None:
    """The page and its chart."""
    with large_imports():
        from vlm_profiling.report.charts.draw import write_chart
        from vlm_profiling.report.comparison.charts import comparison_chart
        from vlm_profiling.report.site.site import write_lone_page

    write_chart(comparison_chart(comparison), folder / NAME)
    write_text(folder / f"{NAME}.md", comparison_page(comparison, f"{NAME}.svg"))
    write_lone_page(folder / f"{NAME}.md")


if __name__ == "__main__":
    sys.exit(main())
