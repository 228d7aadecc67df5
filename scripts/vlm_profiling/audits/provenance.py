"""Whether the runs of one table were made of the same things."""

from __future__ import annotations

from collections.abc import Iterator

from vlm_profiling.audits.base import Check, Context, FigureKind, Finding, conclude
from vlm_profiling.record.facts import run_facts

NAME = "provenance"
ASKS = (
    "Were code, packages, data set, checkpoint, container, GPU and driver the same for all runs of the table?"
)

ALL: tuple[FigureKind, ...] = ("latency", "energy", "flops", "memory", "quality", "stages")


def judge(context: Context) -> Finding:
    """Each fact of the run against what other runs of the table have, and the installed packages against
    their lock.

    The run of the rarer origin is the foreign one; of two origins with as many runs, both are.
    """
    return conclude(NAME, list(_checks(context)) or [_agreed(context)])


def _checks(context: Context) -> Iterator[Check]:
    for name, own in run_facts(context.record):
        values = context.table[name]
        usual, count = max(
            ((value, count) for value, count in values.items() if value != own), key=_count, default=("", 0)
        )
        if count >= values[own]:
            yield Check("fail", f"{name} {own}, but {usual} in {count} of {values.total()} runs", ALL)
    differences = context.record.environment.lock_differences
    if differences:
        yield Check("warn", f"installed otherwise than locked: {', '.join(differences)}", ALL)


def _agreed(context: Context) -> Check:
    facts = [name for name, _ in run_facts(context.record)]
    return Check(
        "pass", f"{len(facts)} facts shared by all runs of the table that have them: {', '.join(facts)}"
    )


def _count(counted: tuple[str, int]) -> int:
    return counted[1]
