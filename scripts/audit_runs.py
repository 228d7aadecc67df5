#!/usr/bin/env python3
"""Audit a study's finished runs: one row an audit of a run, and one row a run of another optimization, as
Parquet and CSV.

    audit_runs.py --study results/study.json --runs results/runs --costs results/costs \\
        --ceilings results/ceilings --output results/tables

A failed audit is a finding, not an error.
"""

from __future__ import annotations

from argparse import Namespace

from vlm_profiling.audits.registry import judge_study
from vlm_profiling.audits.table import write_findings
from vlm_profiling.errors import main
from vlm_profiling.report.finished_study import add_finished_study_arguments, read_finished_study
from vlm_profiling.tables.derived import write_drift


def audit_runs(options: Namespace) -> None:
    """Judge the runs, write the two tables, print how many findings have which verdict."""
    given = read_finished_study(options)
    findings = judge_study(given.study, given.runs, given.finished, given.costs, given.ceilings)
    counts = write_findings(findings, options.output)
    compared = write_drift(given.study, given.runs, given.finished, options.output)
    verdicts = ", ".join(f"{count} {verdict}" for verdict, count in counts.most_common())
    print(f"{counts.total()} findings: {verdicts}")
    print(f"{compared} runs compared with the reference optimization, answer by answer")


if __name__ == "__main__":
    main(audit_runs, add_finished_study_arguments, __doc__)
