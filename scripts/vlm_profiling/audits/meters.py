"""Whether two meters tell the same joules, over a window long enough to tell them."""

from __future__ import annotations

from collections.abc import Iterator

from vlm_profiling.audits.base import Check, Context, Finding, conclude, graded, not_applicable
from vlm_profiling.record.machine import Joules, StageEnergy

NAME = "meters agree"
ASKS = "Do the energy counter and the integrated power agree, over a window long enough for both?"

AGREE, FLAG = 0.02, 0.05
"""Relative differences up to which meters agree, and up to which they may be believed."""
SHORTEST_S = 10.0
STAGES_AGREE = 0.1
"""How far, beyond what the meter leaves open, joules of stages looped alone may be from the headline's: a
loop has its inputs at hand, and warms the device otherwise."""


def judge(context: Context) -> Finding:
    """The joules of the run's own device: their two meters, their window and the uncertainty that it left."""
    record = context.record
    joules = record.energy and (record.energy.gpu if record.point.device == "cuda" else record.energy.cpu)
    if not joules:
        return not_applicable(NAME, "no joules in the record")
    checks = list(_checks(joules))
    if record.stage_energy:
        checks.append(_stages(record.stage_energy))
    return conclude(NAME, checks)


def _checks(joules: Joules) -> Iterator[Check]:
    if joules.second_meter_j is not None:
        difference = joules.second_meter_j / joules.gross_j - 1
        words = f"{joules.meter} {joules.gross_j:.4g} J, second meter {joules.second_meter_j:.4g} J: {difference:+.1%}"
        yield Check(graded(abs(difference), AGREE, FLAG), words, ("energy",))
    words = f"window of {joules.window_s:.1f} s"
    if joules.window_s < SHORTEST_S:
        words += f", shorter than {SHORTEST_S:.0f} s"
    yield Check("pass" if joules.window_s >= SHORTEST_S else "warn", words, ("energy",))
    words = f"{joules.relative_uncertainty:.1%} uncertain by the window"
    yield Check(graded(joules.relative_uncertainty, AGREE, FLAG), words, ("energy",))


def _stages(energy: StageEnergy) -> Check:
    words = f"stages alone {energy.sum_j:.4g} J a batch, the headline {energy.headline_j:.4g} J: {energy.against_headline - 1:+.1%}"
    agree = abs(energy.against_headline - 1) <= STAGES_AGREE + energy.uncertainty
    return Check("pass" if agree else "warn", f"{words} ± {energy.uncertainty:.1%}")
