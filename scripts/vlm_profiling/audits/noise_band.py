"""Whether a figure is sure enough to state an effect with it."""

from __future__ import annotations

from vlm_profiling.audits.base import Context, Finding, not_applicable

NAME = "noise band"
ASKS = "How far does the figure move with nothing changed, so that effects are stated only outside that band?"


def judge(context: Context) -> Finding:
    """Needs the same block of batches measured again and again, which the protocol does not do yet."""
    return not_applicable(NAME, "no repeat noise in the record: every batch was measured once")
