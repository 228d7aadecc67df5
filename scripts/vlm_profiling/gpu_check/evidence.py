"""What lies in a check's folder, read back: records, costs, ceilings, facts. What is not there yet is simply
absent.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import TypeVar

import msgspec

from vlm_profiling.audits.base import Finding
from vlm_profiling.audits.registry import judge_study
from vlm_profiling.cost.functions import ModelCost, read_cost
from vlm_profiling.cost.roofline.ceilings import Ceilings, read_ceilings
from vlm_profiling.cost.roofline.roofline import StageRoofline, run_roofline
from vlm_profiling.record.files import RecordError, read_record
from vlm_profiling.record.schema import RunRecord
from vlm_profiling.record.sections import Section
from vlm_profiling.report.description import read_description
from vlm_profiling.study import Run
from vlm_profiling.tables.read_records import finished_runs, read_runs

Facts = TypeVar("Facts", bound=Section)


@dataclass(frozen=True)
class StudyEvidence:
    """One study's results folder."""

    folder: Path
    records: dict[Run, RunRecord] = field(default_factory=dict)
    """Every record there is, whatever its status."""

    @property
    def finished(self) -> list[RunRecord]:
        """Those with figures."""
        return [record for record in self.records.values() if record.status == "ok"]

    @cached_property
    def costs(self) -> dict[str, ModelCost]:
        """By model; of those counted."""
        return {path.stem: read_cost(path) for path in sorted((self.folder / "costs").glob("*.json"))}

    @cached_property
    def ceilings(self) -> dict[str, Ceilings]:
        """By device."""
        return read_ceilings(self.folder / "ceilings")

    def roofline(self, record: RunRecord) -> list[StageRoofline]:
        """Every stage of a finished run against both ceilings."""
        return run_roofline(record, self.costs.get(record.model), self.ceilings.get(record.point.device))

    def findings(self) -> list[tuple[Run, Finding]]:
        """Of all audits about all finished runs."""
        study, runs = read_description(self.folder / "study.json")
        finished = partial(finished_runs, self.folder / "runs")
        return list(judge_study(study, runs, finished, self.costs, self.ceilings))


def read_study(folder: Path) -> StudyEvidence:
    """A study's evidence; empty where its folder holds no description."""
    description = folder / "study.json"
    if not description.exists():
        return StudyEvidence(folder)
    _, runs = read_description(description)
    readings = read_runs(folder / "runs", runs)
    return StudyEvidence(folder, {reading.run: reading.record for reading in readings if reading.record})


def read_facts(path: Path, kind: type[Facts]) -> Facts | None:
    """Facts that a part has written; null where it has not."""
    return msgspec.json.decode(path.read_bytes(), type=kind) if path.exists() else None


def record_at(path: Path) -> RunRecord | None:
    """A record with figures; null where there is none."""
    try:
        record = read_record(path)
    except RecordError:
        return None
    return record if record.status == "ok" else None
