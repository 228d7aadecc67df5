"""Compare two results folders, run by run: before and after a driver, on two GPUs, or two optimizations of
one study.

    vlm.py compare results-before results-after --output comparison --fail-on latency quality
    vlm.py compare results --optimization fp16 compile

Runs are matched by model, data set and settings, also where their keys differ, and what differs is listed.
Prints a table and a summary; with --output also writes FOLDER/comparison.{md,html,vl.json,svg,png}. Exit
status 3 when a condition of --fail-on is true of a run, beyond chance among so many; 1 when a folder has no
records, or nothing matches.
"""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path

from vlm_profiling.errors import FOUND, VlmError
from vlm_profiling.large_imports import large_imports
from vlm_profiling.report.comparison.comparison import FAILURES, compare_results
from vlm_profiling.report.comparison.page import comparison_lines, failure_line
from vlm_profiling.tables.results_folder import read_results


def add_arguments(parser: ArgumentParser) -> None:
    """The two sides, what fails, the folder to write."""
    parser.add_argument("before", type=Path, help="results folder that the other is compared with")
    parser.add_argument("after", type=Path, nargs="?", help="results folder; by default the same one")
    parser.add_argument(
        "--optimization",
        nargs=2,
        metavar=("BEFORE", "AFTER"),
        help="compare these two optimizations, all else equal",
    )
    parser.add_argument(
        "--fail-on",
        nargs="+",
        choices=FAILURES,
        default=[],
        help="exit with status 3 if a quantity got worse, a change is ambiguous, or results were lost",
    )
    parser.add_argument("--output", type=Path, help="folder for the page and the chart")


def run(options: Namespace) -> int:
    """Compare, print, write; the exit status says whether a failure was found."""
    if options.after is None and options.optimization is None:
        raise VlmError("one folder is compared with itself only with --optimization BEFORE AFTER")
    before = read_results(options.before)
    after = read_results(options.after) if options.after else before
    optimizations = tuple(options.optimization) if options.optimization else None
    comparison = compare_results(before, after, optimizations)
    print("\n".join(comparison_lines(comparison)), flush=True)
    if options.output:
        with large_imports():
            from vlm_profiling.report.comparison.write import write_comparison
        write_comparison(comparison, options.output)
    failures = comparison.failures(options.fail_on)
    for pair, word in failures:
        print(failure_line(pair, word), file=sys.stderr)
    return FOUND if failures else 0
