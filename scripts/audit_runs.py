#!/usr/bin/env python3
"""Audit a study's finished runs: one row an audit of a run, and one row a run of another optimization, as
Parquet and CSV.

    audit_runs.py --study results/study.json --runs results/runs --costs results/costs \\
        --ceilings results/ceilings --output results/tables

Exit status 2 when the study, a cost file or a file of ceilings cannot be read. A failed audit is a finding,
not an error.
"""

from __future__ import annotations

import sys

from vlm_profiling.audits.registry import judge_study
from vlm_profiling.audits.table import write_findings
from vlm_profiling.record.files import RecordError
from vlm_profiling.report.finished_study import finished_study_options, read_finished_study
from vlm_profiling.study import ConfigError
from vlm_profiling.tables.drift import write_drift


def main() -> int:
    """Parse, judge, write, tell."""
    options = finished_study_options(__doc__)
    try:
        given = read_finished_study(options)
    except (ConfigError, RecordError, OSError) as error:
        print(f"audit_runs: {error}", file=sys.stderr)
        return 2
    findings = judge_study(given.study, given.runs, given.finished, given.costs, given.ceilings)
    counts = write_findings(findings, options.output)
    compared = write_drift(given.study, given.runs, given.finished, options.output)
    print(
        f"{counts.total()} findings: {', '.join(f'{count} {verdict}' for verdict, count in counts.most_common())}"
    )
    print(f"{compared} runs compared with the reference optimization, answer by answer")
    return 0


if __name__ == "__main__":
    sys.exit(main())
