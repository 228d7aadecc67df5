#!/usr/bin/env python3
"""Merge a study's records into tables, each as Parquet and CSV, with a README.md that says what every column
means.

    merge_runs.py --study results/study.json --runs results/runs --costs results/costs --output results/tables

A record that is missing, malformed, stale or of another study is a row that says so.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path

from vlm_profiling.errors import main
from vlm_profiling.record.files import write_bytes
from vlm_profiling.report.description import read_description
from vlm_profiling.report.exports.dictionary import metrics_page
from vlm_profiling.staleness.code_digest import code_digest
from vlm_profiling.staleness.judge import read_current
from vlm_profiling.tables.files import TABLES_README
from vlm_profiling.tables.write import merge_runs, read_costs

SCRIPTS = Path(__file__).resolve().parent


def add_arguments(parser: ArgumentParser) -> None:
    """The study, its records, the models' costs, the folder to write."""
    parser.add_argument("--study", type=Path, required=True, help="JSON file with the study's settings")
    parser.add_argument("--runs", type=Path, required=True, help="folder of the records")
    parser.add_argument("--costs", type=Path, required=True, help="folder of the models' cost functions")
    parser.add_argument("--output", type=Path, required=True, help="folder for the tables")


def merge(options: Namespace) -> None:
    """Merge the records, write the tables, print how many runs have which status."""
    study, runs = read_description(options.study)
    code = code_digest(SCRIPTS / "profile_run.py", SCRIPTS / "vlm_profiling")["sha256"]
    costs = read_costs(options.costs, study.models)
    counts = merge_runs(runs, options.runs, costs, options.output, read_current(study, code))
    write_bytes(options.output / TABLES_README, metrics_page())
    print(f"{len(runs)} runs: {', '.join(f'{count} {status}' for status, count in counts.most_common())}")


if __name__ == "__main__":
    main(merge, add_arguments, __doc__)
