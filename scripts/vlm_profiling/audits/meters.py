"""Whether two meters tell the same joules, over a window long enough to tell them."""

from __future__ import annotations

from collections.abc import Iterator

from vlm_profiling.audits.base import Check, Context, Finding, conclude, graded, not_applicable
from vlm_profiling.record.machine import Joules

NAME = "meters agree"
ASKS = "Do the energy counter and the integrated power agree, over a window long enough for both?"

AGREE, DOUBT = 0.02, 0.05
"""Relative differences up to which meters agree, and up to which they may be believed."""
SHORTEST_S = 10.0


def judge(context: Context) -> Finding:
    """The joules of the run's own device: their two meters, their window and the uncertainty that it left."""
    record = context.record
    joules = record.energy and (record.energy.gpu if record.point.device == "cuda" else record.energy.cpu)
    if not joules:
        return not_applicable(NAME, "no joules in the record")
    return conclude(NAME, list(_checks(joules)))


def _checks(joules: Joules) -> Iterator[Check]:
    if joules.second_meter_j is not None:
        difference = joules.second_meter_j / joules.gross_j - 1
        words = f"{joules.meter} {joules.gross_j:.4g} J, second meter {joules.second_meter_j:.4g} J: {difference:+.1%}"
        yield Check(graded(abs(difference), AGREE, DOUBT), words, ("energy",))
    words = f"window of {joules.window_s:.1f} s"
    if joules.window_s < SHORTEST_S:
        words += f", shorter than {SHORTEST_S:.0f} s"
    yield Check("pass" if joules.window_s >= SHORTEST_S else "warn", words, ("energy",))
    words = f"{joules.relative_uncertainty:.1%} uncertain by the window"
    yield Check(graded(joules.relative_uncertainty, AGREE, DOUBT), words, ("energy",))
