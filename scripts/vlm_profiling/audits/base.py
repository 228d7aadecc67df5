"""What every audit is made of: what it may look at, and how it answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeAlias

from vlm_profiling.cost.functions import ModelCost
from vlm_profiling.cost.roofline.ceilings import Ceilings
from vlm_profiling.record.facts import Facts
from vlm_profiling.record.schema import RunRecord
from vlm_profiling.study import Study
from vlm_profiling.study.config import AXIS_NAMES
from vlm_profiling.study.grid import axis_start

Verdict: TypeAlias = Literal["not applicable", "pass", "warn", "fail"]
VERDICTS: tuple[Verdict, ...] = ("not applicable", "pass", "warn", "fail")
"""From nothing to say to the worst."""

FigureKind: TypeAlias = Literal["latency", "energy", "flops", "memory", "quality", "stages"]
"""What a finding can mark: generate() and end-to-end times and their rates, joules, FLOPs, peaks, answers'
scores, stages.
"""


class Finding(NamedTuple):
    """One audit's answer about one run."""

    audit: str
    verdict: Verdict
    evidence: str
    """One line with the numbers, or why the audit does not apply. May hold text from outside."""
    figures: tuple[FigureKind, ...] = ()
    """The figures that a warning or a failure marks."""


class Check(NamedTuple):
    """One thing that an audit looked at."""

    verdict: Verdict
    evidence: str
    figures: tuple[FigureKind, ...] = ()


class Siblings:
    """The finished runs of one model on one data set, found by the line of the grid that they stand on."""

    def __init__(self, records: Sequence[RunRecord]) -> None:
        self._lines: dict[tuple[object, ...], list[RunRecord]] = {}
        for record in records:
            for axis in AXIS_NAMES:
                self._lines.setdefault(_line(record, axis), []).append(record)

    def along(self, axis: str, record: RunRecord) -> Sequence[RunRecord]:
        """The runs that differ from a run in one setting alone, itself included."""
        return self._lines[_line(record, axis)]


@dataclass(frozen=True)
class Context:
    """All that an audit may look at: records and costs, never a device."""

    study: Study
    record: RunRecord
    """A finished run (status ok)."""
    siblings: Siblings
    """This run among those it is compared with."""
    cost: ModelCost | None
    """The model's cost functions, where they were counted."""
    ceilings: Mapping[str, Ceilings]
    """What devices reach as measured, by device; a device without a file is not in it."""
    table: Mapping[str, Facts]
    """What the runs of the whole table were made of, by fact: how many runs have each value."""

    def along(self, axis: str) -> Sequence[RunRecord]:
        """This run and its siblings that differ in one setting alone."""
        return self.siblings.along(axis, self.record)

    def start(self, axis: str) -> RunRecord | None:
        """Of these, the run where the study's axis starts: at the baseline's value, or its first one where
        that is left out.
        """
        first = axis_start(self.study, axis)
        return next((record for record in self.along(axis) if getattr(record.point, axis) == first), None)


def value_name(value: object) -> str:
    """A setting's value in evidence."""
    return "unset" if value is None else str(value)


def not_applicable(audit: str, reason: str) -> Finding:
    """The finding of an audit that has nothing to look at."""
    return Finding(audit, "not applicable", reason)


def conclude(audit: str, checks: Sequence[Check]) -> Finding:
    """The worst verdict of at least one check, with the evidence and the figures of the checks that gave it."""
    worst = max(checks, key=lambda check: VERDICTS.index(check.verdict)).verdict
    chosen = [check for check in checks if check.verdict == worst]
    marked: dict[FigureKind, None] = {}
    if worst in ("warn", "fail"):
        marked = dict.fromkeys(figure for check in chosen for figure in check.figures)
    return Finding(audit, worst, "; ".join(check.evidence for check in chosen), tuple(marked))


def graded(value: float, warn_above: float, fail_above: float) -> Verdict:
    """The verdict on a deviation: pass up to the first bound, warn up to the second, fail beyond."""
    if value <= warn_above:
        return "pass"
    return "warn" if value <= fail_above else "fail"


def _line(record: RunRecord, axis: str) -> tuple[object, ...]:
    return axis, *(getattr(record.point, name) for name in AXIS_NAMES if name != axis)
