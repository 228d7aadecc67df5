#!/usr/bin/env python3
"""Compare a study's finished runs with what their device allows: one row a stage of a run and ceiling, as
Parquet and CSV.

    compute_roofline.py --study results/study.json --runs results/runs --costs results/costs \\
        --ceilings results/ceilings --output results/tables

A device without a file of ceilings is compared with its datasheet alone.
"""

from __future__ import annotations

from argparse import Namespace

from vlm_profiling.errors import main
from vlm_profiling.report.finished_study import add_finished_study_arguments, read_finished_study
from vlm_profiling.tables.derived import write_roofline


def compute_roofline(options: Namespace) -> None:
    """Compare the runs, write the table, print the number of its rows."""
    given = read_finished_study(options)
    rows = write_roofline(given.finished(given.runs), given.costs, given.ceilings, options.output)
    print(f"{rows} rows")


if __name__ == "__main__":
    main(compute_roofline, add_finished_study_arguments, __doc__)
