"""A study's files as the workflow leaves them for the report: written from settings and a function that
answers each run.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
from factories import make_ceilings, make_cost

from vlm_profiling.audits.registry import judge_study
from vlm_profiling.audits.table import write_findings
from vlm_profiling.cost.roofline.ceilings import read_ceilings, write_ceilings
from vlm_profiling.record.files import write_bytes, write_record
from vlm_profiling.record.schema import RunRecord
from vlm_profiling.report.description import read_description
from vlm_profiling.report.exports.dictionary import metrics_page
from vlm_profiling.study import Run, Study
from vlm_profiling.tables.derived import write_drift, write_roofline
from vlm_profiling.tables.files import TABLES_README
from vlm_profiling.tables.read_records import finished_runs
from vlm_profiling.tables.study_tables import StudyRuns
from vlm_profiling.tables.write import merge_runs, read_costs


@dataclass(frozen=True)
class StudyFolder:
    """A study's files, as the workflow leaves them for the report."""

    folder: Path

    @property
    def description(self) -> Path:
        return self.folder / "study.json"

    @property
    def study(self) -> Study:
        return read_description(self.description)[0]

    @property
    def runs(self) -> list[Run]:
        return list(read_description(self.description)[1])

    def record_path(self, run: Run) -> Path:
        return self.folder / "runs" / f"{run.name}.json"

    def merge(self) -> Path:
        """Merge and audit what lies there; returns the folder of tables."""
        costs = read_costs(self.folder / "costs", self.study.models)
        merge_runs(self.runs, self.folder / "runs", costs, self.folder / "tables")
        write_bytes(self.folder / "tables" / TABLES_README, metrics_page())
        finished = partial(finished_runs, self.folder / "runs")
        ceilings = read_ceilings(self.folder / "ceilings")
        write_findings(judge_study(self.study, self.runs, finished, costs, ceilings), self.folder / "tables")
        write_drift(self.study, self.runs, finished, self.folder / "tables")
        write_roofline(finished(self.runs), costs, ceilings, self.folder / "tables")
        return self.folder / "tables"

    def run_rows(self) -> StudyRuns:
        return StudyRuns.read(self.study, self.merge())


def write_study(folder: Path, settings: dict[str, Any], answer: Callable[[Run], RunRecord]) -> StudyFolder:
    """Write a study's description, costs, ceilings and records."""
    study = StudyFolder(folder)
    study.description.write_text(json.dumps({"study": settings, "environment": "test"}))
    for model in study.study.models:
        path = folder / "costs" / f"{model}.json"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(msgspec.json.encode(make_cost(model)))
    write_ceilings(folder / "ceilings" / "cpu.json", make_ceilings())
    for run in study.runs:
        write_record(study.record_path(run), answer(run))
    return study
