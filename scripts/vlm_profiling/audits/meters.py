"""The audit of energy meters: do they agree, and is the window long enough."""

from __future__ import annotations

from collections.abc import Iterator

from vlm_profiling.audits.base import Check, Context, Finding, conclude, graded, not_applicable
from vlm_profiling.record.machine import Joules, StageEnergy

NAME = "meters agree"
ASKS = "Do the energy counter and the integrated power agree, over a window long enough for both?"

AGREE, FLAG = 0.02, 0.05
"""The relative differences of two meters above which it warns and fails."""
SHORTEST_S = 10.0
STAGES_AGREE = 0.1
"""The relative difference, beyond the meter's uncertainty, of the energy of stages run alone from that of the
headline. They differ since a stage run alone finds its inputs in caches and heats the device otherwise."""


def judge(context: Context) -> Finding:
    """The finding about the energy of the run's device: its two meters, its window and its uncertainty."""
    record = context.record
    joules = record.energy and (record.energy.gpu if record.point.device == "cuda" else record.energy.cpu)
    if not joules:
        return not_applicable(NAME, "no energy was measured")
    checks = list(_checks(joules))
    if record.stage_energy:
        checks.append(_stages(record.stage_energy))
    return conclude(NAME, checks)


def _checks(joules: Joules) -> Iterator[Check]:
    if joules.second_meter_j is not None:
        difference = joules.second_meter_j / joules.gross_j - 1
        words = f"{joules.meter} {joules.gross_j:.4g} J, "
        words += f"second meter {joules.second_meter_j:.4g} J: {difference:+.1%}"
        yield Check(graded(abs(difference), AGREE, FLAG), words, ("energy",))
    words = f"measurement window of {joules.window_s:.1f} s"
    if joules.window_s < SHORTEST_S:
        words += f", shorter than {SHORTEST_S:.0f} s"
    yield Check("pass" if joules.window_s >= SHORTEST_S else "warn", words, ("energy",))
    words = f"uncertainty of {joules.relative_uncertainty:.1%}"
    yield Check(graded(joules.relative_uncertainty, AGREE, FLAG), words, ("energy",))


def _stages(energy: StageEnergy) -> Check:
    difference = energy.against_headline - 1
    words = f"sum of the stages run alone {energy.sum_j:.4g} J per batch, "
    words += f"headline {energy.headline_j:.4g} J: {difference:+.1%} ± {energy.uncertainty:.1%}"
    return Check("pass" if abs(difference) <= STAGES_AGREE + energy.uncertainty else "warn", words)
