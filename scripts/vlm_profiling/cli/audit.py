"""Print what the audits of a study's finished runs found: failures, then warnings, then the number of
findings of each verdict.

    vlm.py audit [config.yaml]
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections import Counter
from functools import partial
from pathlib import Path

from vlm_profiling.audits.base import Finding
from vlm_profiling.audits.registry import judge_study
from vlm_profiling.cli.study import add_study_argument, open_study
from vlm_profiling.cost.roofline.ceilings import read_ceilings
from vlm_profiling.report.words import settings
from vlm_profiling.study import Run
from vlm_profiling.tables.read_records import finished_runs
from vlm_profiling.tables.write import read_costs


def add_arguments(parser: ArgumentParser) -> None:
    """The study."""
    add_study_argument(parser)


def run(options: Namespace) -> None:
    """Judge the finished runs, print the findings."""
    workflow = open_study(options)
    results = Path(workflow.study.results)
    costs = read_costs(results / "costs", workflow.study.models)
    ceilings = read_ceilings(results / "ceilings")
    finished = partial(finished_runs, results / "runs")
    findings = list(judge_study(workflow.study, list(workflow.runs.values()), finished, costs, ceilings))
    for verdict in ("fail", "warn"):
        for judged, finding in findings:
            if finding.verdict == verdict:
                print(printable(judged, finding))
    verdicts = Counter(finding.verdict for _, finding in findings)
    counts = ", ".join(f"{count} {verdict}" for verdict, count in verdicts.most_common())
    print(f"{len(findings)} findings: {counts or 'no run'}")


def printable(run: Run, finding: Finding) -> str:
    """One line. Evidence may hold text from outside, so what could steer a terminal is replaced."""
    about = f"{run.model} on {run.dataset}, {settings(run.point)}"
    line = f"{finding.verdict}  {finding.audit}  {about}: {finding.evidence}"
    return "".join(mark if mark.isprintable() else "\ufffd" for mark in line)
