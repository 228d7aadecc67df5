"""What every audit is made of: what it may look at, and how it answers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeAlias

from vlm_profiling.audits.facts import Facts
from vlm_profiling.cost.functions import ModelCost
from vlm_profiling.record.schema import Point, Record
from vlm_profiling.study import Study
from vlm_profiling.study.config import AXES

Verdict: TypeAlias = Literal["not applicable", "pass", "warn", "fail"]
VERDICTS: tuple[Verdict, ...] = ("not applicable", "pass", "warn", "fail")
"""From nothing to say to the worst."""

FigureKind: TypeAlias = Literal["latency", "energy", "flops", "memory", "quality", "stages"]
"""What a finding can mark: generate() and end-to-end times and their rates, joules, FLOPs, peaks, answers' scores, stages."""


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


@dataclass(frozen=True)
class Context:
    """All that an audit may look at: records and costs, never a device."""

    study: Study
    record: Record
    """A finished run (status ok)."""
    siblings: Sequence[Record]
    """Finished runs of the same model on the same data set, this one among them."""
    cost: ModelCost | None
    """The model's cost functions, where they were counted."""
    table: Mapping[str, Facts]
    """What the runs of the whole table were made of, by fact: how many runs have each value."""

    def along(self, axis: str) -> Iterator[Record]:
        """This run and its siblings that differ in one setting alone."""
        own = _other_settings(self.record.point, axis)
        return (sibling for sibling in self.siblings if _other_settings(sibling.point, axis) == own)


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


def _other_settings(point: Point, axis: str) -> tuple[object, ...]:
    return tuple(getattr(point, name) for name in AXES if name != axis)
