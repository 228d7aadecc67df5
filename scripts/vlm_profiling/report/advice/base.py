"""The input and the output of every hint, and the bound of Amdahl's law."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeGuard

from vlm_profiling.cost.roofline.roofline import StageRoofline
from vlm_profiling.metrics.estimate import SECONDS, Entry, Estimate, best_unit
from vlm_profiling.tables.part_rows import LayerRow, StageRow
from vlm_profiling.tables.row import RunRow

MIN_SHARE = 0.05
"""Share of the end-to-end time from which a part is worth a hint: the bound is then 1.05 or more."""


@dataclass(frozen=True)
class Hint:
    """Something to try."""

    try_this: str
    """What to do, as a sentence without its full stop."""
    gain: float
    """How many times as fast end to end (per sample) the model can get at most, or was measured to get."""
    evidence: str
    """The numbers of this run that show it. May contain untrusted text."""
    measured: tuple[float, float] | None = None
    """95 % interval of the gain where it was measured; None where the gain is a bound."""


@dataclass(frozen=True)
class Alternative:
    """The same model on the same data set at another value of one axis, compared with its baseline."""

    axis: str
    row: RunRow
    speedup: Estimate
    """End-to-end time per sample at the baseline over the one here: above 1 is faster. Its interval includes
    the
    noise of both.
    """
    quality_change: Entry
    """Score here minus at the baseline, over the same samples: of 1, or of 10 for CIDEr-D."""
    metric: str = "exact match"
    """The name of the score."""
    roofline: Mapping[str, StageRoofline] = field(default_factory=dict)
    """By stage, like the subject's."""


@dataclass(frozen=True)
class Subject:
    """The input of a hint: one model on one data set, at the baseline and on the axes that start there."""

    row: RunRow
    """The baseline: a finished run."""
    stages: Mapping[str, StageRow] = field(default_factory=dict)
    """By name; empty where they were not measured or an audit failed them."""
    layers: Sequence[LayerRow] = ()
    roofline: Mapping[str, StageRoofline] = field(default_factory=dict)
    """By stage: against the machine's measured ceilings, or the datasheet where none were measured."""
    alternatives: Sequence[Alternative] = ()
    """Those that were measured and failed no audit of their times."""

    @property
    def generate_share(self) -> float | None:
        """Of the end-to-end time; None where an audit failed either."""
        whole, part = self.row.estimate("end_to_end_s"), self.row.estimate("generate_s")
        return part.value / whole.value if is_sure(whole) and is_sure(part) else None


def is_sure(entry: Entry) -> TypeGuard[Estimate]:
    """Whether there is an estimate without a flag: only such ones are used in hints."""
    return isinstance(entry, Estimate) and not entry.flags


def at_most(share: float) -> float:
    """How many times as fast the whole gets when this share of its time vanishes: 1 / (1 - share).

    Amdahl, AFIPS 1967.
    """
    return 1 / max(1 - share, 1e-9)


def percent(share: float) -> str:
    """A share with three digits: 12.3 %."""
    return f"{100 * share:.3g} %"


def seconds(value_s: float) -> str:
    """A time with three digits in the unit that suits it."""
    unit = best_unit(SECONDS, [Estimate(value_s)])
    return f"{value_s / unit.size:.3g} {unit.name}"
