#!/usr/bin/env python3
"""Audit a study's finished runs: one row an audit of a run, as Parquet and CSV.

    audit_runs.py --study results/study.json --runs results/runs --costs results/costs \\
        --ceilings results/ceilings --output results/tables

Exit status 2 when the study, a cost file or a file of ceilings cannot be read. A failed audit is a finding, not an error.
"""

from __future__ import annotations

import argparse
import sys
from functools import partial
from pathlib import Path

from vlm_profiling.audits.registry import judge_study
from vlm_profiling.audits.table import write_findings
from vlm_profiling.cost.ceilings import read_ceilings
from vlm_profiling.record.files import RecordError
from vlm_profiling.report.description import read_description
from vlm_profiling.report.readings import finished_runs
from vlm_profiling.report.tables import read_costs
from vlm_profiling.study import ConfigError


def main() -> int:
    """Parse, judge, write, tell."""
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
        print(f"audit_runs: {error}", file=sys.stderr)
        return 2
    findings = judge_study(study, runs, partial(finished_runs, options.runs), costs, ceilings)
    counts = write_findings(findings, options.output)
    print(f"{counts.total()} findings: {', '.join(f'{count} {verdict}' for verdict, count in counts.most_common())}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
