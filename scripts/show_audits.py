#!/usr/bin/env python3
"""Print what the audits of a study's finished runs found: failures, then warnings, then how many have which
verdict.

show_audits.py [config.yaml]
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from functools import partial
from pathlib import Path

from vlm_profiling.audits.base import Finding
from vlm_profiling.audits.registry import judge_study
from vlm_profiling.cost.roofline.ceilings import read_ceilings
from vlm_profiling.record.files import RecordError
from vlm_profiling.report.words import settings
from vlm_profiling.study import ConfigError, Run
from vlm_profiling.tables.read_records import finished_runs
from vlm_profiling.tables.write import read_costs
from vlm_profiling.workflow import open_workflow

PROJECT = Path(__file__).resolve().parents[1]


def main() -> int:
    """Read the study and its records, judge, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "config", type=Path, nargs="?", default=Path("config.yaml"), help="by default config.yaml"
    )
    options = parser.parse_args()
    try:
        workflow = open_workflow([options.config], PROJECT)
        results = Path(workflow.study.results)
        costs = read_costs(results / "costs", workflow.study.models)
        ceilings = read_ceilings(results / "ceilings")
    except (ConfigError, RecordError) as error:
        print(f"show_audits: {error}", file=sys.stderr)
        return 2
    finished = partial(finished_runs, results / "runs")
    findings = list(judge_study(workflow.study, list(workflow.runs.values()), finished, costs, ceilings))
    for verdict in ("fail", "warn"):
        for run, finding in findings:
            if finding.verdict == verdict:
                print(_printable(run, finding))
    counts = Counter(finding.verdict for _, finding in findings)
    print(
        f"{len(findings)} findings: {', '.join(f'{count} {verdict}' for verdict, count in counts.most_common()) or 'no run'}"
    )
    return 0


def _printable(run: Run, finding: Finding) -> str:
    """One line. Evidence may hold text from outside, so what could steer a terminal is replaced."""
    line = f"{finding.verdict}  {finding.audit}  {run.model} on {run.dataset}, {settings(run.point)}: {finding.evidence}"
    return "".join(mark if mark.isprintable() else "\ufffd" for mark in line)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except BrokenPipeError:
        sys.exit(0)
