"""The types of an audit: what it reads (`Context`) and what it returns (`Finding`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeAlias

from vlm_profiling.cost.functions import ModelCost
from vlm_profiling.cost.roofline.ceilings import Ceilings
from vlm_profiling.record.facts import Facts
from vlm_profiling.record.schema import RunRecord
from vlm_profiling.study import Study
from vlm_profiling.study.grid import axis_start
from vlm_profiling.study.point import AXIS_NAMES

Verdict: TypeAlias = Literal["not applicable", "pass", "warn", "fail"]
VERDICTS: tuple[Verdict, ...] = ("not applicable", "pass", "warn", "fail")
"""In order, from harmless to worst."""

FigureKind: TypeAlias = Literal["latency", "energy", "flops", "memory", "quality", "stages"]
"""The figures that a finding can mark: latency covers throughput too, stages their times."""


class Finding(NamedTuple):
    """The result of one audit for one run."""

    audit: str
    verdict: Verdict
    evidence: str
    """One line with the numbers, or why the audit does not apply. May hold text of other programs."""
    figures: tuple[FigureKind, ...] = ()
    """The figures that a warning or a failure concerns."""


class Check(NamedTuple):
    """One condition that an audit checked."""

    verdict: Verdict
    evidence: str
    figures: tuple[FigureKind, ...] = ()


class Siblings:
    """The finished runs of one model on one data set, grouped by axis of the grid."""

    def __init__(self, records: Sequence[RunRecord]) -> None:
        self._lines: dict[tuple[object, ...], list[RunRecord]] = {}
        for record in records:
            for axis in AXIS_NAMES:
                self._lines.setdefault(_line(record, axis), []).append(record)

    def along(self, axis: str, record: RunRecord) -> Sequence[RunRecord]:
        """The runs that differ from a run in one setting only, the run itself included."""
        return self._lines[_line(record, axis)]


@dataclass(frozen=True)
class Context:
    """The inputs of an audit: records and costs, never a device."""

    study: Study
    record: RunRecord
    """A finished run (status ok)."""
    siblings: Siblings
    """The finished runs of the same model and data set."""
    cost: ModelCost | None
    """The model's cost functions, where they were counted."""
    ceilings: Mapping[str, Ceilings]
    """The measured ceilings by device; a device that was not calibrated is missing."""
    table: Mapping[str, Facts]
    """For each fact of provenance (code, packages, GPU...): how many runs of the table have each value."""

    def along(self, axis: str) -> Sequence[RunRecord]:
        """This run and those that differ from it in one setting only."""
        return self.siblings.along(axis, self.record)

    def start(self, axis: str) -> RunRecord | None:
        """The run at the start of an axis: at the baseline's value, or at the axis's first one where the axis
        leaves that out. None where there is no such run.
        """
        first = axis_start(self.study, axis)
        return next((record for record in self.along(axis) if getattr(record.point, axis) == first), None)


def value_name(value: object) -> str:
    """The text of a setting's value in evidence."""
    return "unset" if value is None else str(value)


def not_applicable(audit: str, reason: str) -> Finding:
    """The finding of an audit that has nothing to check."""
    return Finding(audit, "not applicable", reason)


def conclude(audit: str, checks: Sequence[Check]) -> Finding:
    """The finding with the worst verdict of at least one check, and those checks' evidence."""
    worst = max(checks, key=lambda check: VERDICTS.index(check.verdict)).verdict
    chosen = [check for check in checks if check.verdict == worst]
    marked: dict[FigureKind, None] = {}
    if worst in ("warn", "fail"):
        marked = dict.fromkeys(figure for check in chosen for figure in check.figures)
    return Finding(audit, worst, "; ".join(check.evidence for check in chosen), tuple(marked))


def graded(value: float, warn_above: float, fail_above: float) -> Verdict:
    """The verdict of a deviation: pass up to the first bound, warn up to the second, fail above."""
    if value <= warn_above:
        return "pass"
    return "warn" if value <= fail_above else "fail"


def _line(record: RunRecord, axis: str) -> tuple[object, ...]:
    return axis, *(getattr(record.point, name) for name in AXIS_NAMES if name != axis)
