#!/usr/bin/env python3
"""Compare a study's finished runs with what their device allows: one row a stage of a run and ceiling, as
Parquet and CSV.

    compute_roofline.py --study results/study.json --runs results/runs --costs results/costs \\
        --ceilings results/ceilings --output results/tables

A device without a file of ceilings is compared with its datasheet alone. Exit status 2 when the study, a cost
file or a file of ceilings cannot be read.
"""

from __future__ import annotations

import sys

from vlm_profiling.record.files import RecordError
from vlm_profiling.report.finished_study import finished_study_options, read_finished_study
from vlm_profiling.study import ConfigError
from vlm_profiling.tables.roofline import write_roofline


def main() -> int:
    """Parse, compare, write, tell."""
    options = finished_study_options(__doc__)
    try:
        given = read_finished_study(options)
    except (ConfigError, RecordError, OSError) as error:
        print(f"compute_roofline: {error}", file=sys.stderr)
        return 2
    rows = write_roofline(given.finished(given.runs), given.costs, given.ceilings, options.output)
    print(f"{rows} rows")
    return 0


if __name__ == "__main__":
    sys.exit(main())
