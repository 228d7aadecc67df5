"""A small study on disk, from settings and one function that answers each run with a record."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest
from factories import identity_of, make_ceilings, make_cost, make_failed_record, make_record

from vlm_profiling.audits.registry import judge_study
from vlm_profiling.audits.table import write_findings
from vlm_profiling.cost.ceilings import read_ceilings, write_ceilings
from vlm_profiling.record.files import write_record
from vlm_profiling.record.schema import Record
from vlm_profiling.report.cells import Cells, read_cells
from vlm_profiling.report.description import read_description
from vlm_profiling.report.readings import finished_runs
from vlm_profiling.report.roofline import write_roofline
from vlm_profiling.report.tables import merge_runs, read_costs
from vlm_profiling.study import Run, Study

SETTINGS: dict[str, Any] = {
    "name": "shapes",
    "models": {"trained": {"folder": "checkpoints/trained"}, "random": {"tiny": "llava"}},
    "datasets": {"vqa": {"package": "easy-vqa"}},
    "optimizations": {"fp32": {"dtype": "float32"}, "flash": {"dtype": "float16", "attention": "flash_attention_2"}},
    "baseline": {"device": "cpu", "optimization": "fp32", "batch_size": 2},
    "axes": {
        "batch_size": {"values": [1, 2, 4]},
        "image_size": {"values": [None, 64], "models": ["trained"]},
        "optimization": {"values": ["fp32", "flash"]},
    },
}
"""Two models, one of random weights, along three axes on a CPU."""


def answer(run: Run) -> Record:
    """Every run succeeds, but flash attention is unsupported and the largest batch of random weights does not fit."""
    if run.point.optimization == "flash":
        return make_failed_record("unsupported", "flash-attn is not installed", **identity_of(run))
    if run.point.batch_size == 4 and run.model == "random":
        return make_failed_record("oom", "tried to allocate 2.5 GiB", **identity_of(run))
    accuracy = None if run.model == "random" else 0.75
    return make_record(generate_s=0.02 * run.point.batch_size, accuracy=accuracy, **identity_of(run))


@pytest.fixture
def usual_answer() -> Callable[[Run], Record]:
    return answer


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
        finished = partial(finished_runs, self.folder / "runs")
        ceilings = read_ceilings(self.folder / "ceilings")
        write_findings(judge_study(self.study, self.runs, finished, costs, ceilings), self.folder / "tables")
        write_roofline(finished(self.runs), costs, ceilings, self.folder / "tables")
        return self.folder / "tables"

    def cells(self) -> Cells:
        return read_cells(self.study, self.merge())


@pytest.fixture
def make_study(tmp_path) -> Callable[..., StudyFolder]:
    """Write a study's description, costs and records: `make_study(answer, **changed_settings)`."""

    def make(answer: Callable[[Run], Record] = answer, **changes: Any) -> StudyFolder:
        folder = StudyFolder(tmp_path)
        folder.description.write_text(json.dumps({"study": SETTINGS | changes, "environment": "test"}))
        for model in folder.study.models:
            path = tmp_path / "costs" / f"{model}.json"
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(msgspec.json.encode(make_cost(model)))
        write_ceilings(tmp_path / "ceilings" / "cpu.json", make_ceilings())
        for run in folder.runs:
            write_record(folder.record_path(run), answer(run))
        return folder

    return make
