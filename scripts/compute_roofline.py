#!/usr/bin/env python3
"""Compare a study's finished runs with what their device allows: one row a stage of a run and ceiling, as Parquet and CSV.

    compute_roofline.py --study results/study.json --runs results/runs --costs results/costs \\
        --ceilings results/ceilings --output results/tables

A device without a file of ceilings is compared with its datasheet alone. Exit status 2 when the study, a cost file or a file
of ceilings cannot be read.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from vlm_profiling.cost.ceilings import read_ceilings
from vlm_profiling.record.files import RecordError
from vlm_profiling.report.description import read_description
from vlm_profiling.report.readings import finished_runs
from vlm_profiling.report.roofline import write_roofline
from vlm_profiling.report.tables import read_costs
from vlm_profiling.study import ConfigError


def main() -> int:
    """Parse, compare, write, tell."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--study", type=Path, required=True, help="JSON file with the study's settings")
    parser.add_argument("--runs", type=Path, required=True, help="folder of the records")
    parser.add_argument("--costs", type=Path, required=True, help="folder of the models' cost functions")
    parser.add_argument("--ceilings", type=Path, required=True, help="folder of the devices' measured ceilings")
    parser.add_argument("--output", type=Path, required=True, help="folder for the table")
    options = parser.parse_args()
    try:
        study, runs = read_description(options.study)
        costs, ceilings = read_costs(options.costs, study.models), read_ceilings(options.ceilings)
    except (ConfigError, RecordError) as error:
        print(f"compute_roofline: {error}", file=sys.stderr)
        return 2
    rows = write_roofline(finished_runs(options.runs, runs), costs, ceilings, options.output)
    print(f"{rows} rows")
    return 0


if __name__ == "__main__":
    sys.exit(main())
