"""The audit of runs whose code, packages, inputs or machine differ from the rest of the table."""

from __future__ import annotations

from collections.abc import Iterator

from vlm_profiling.audits.base import Check, Context, FigureKind, Finding, conclude
from vlm_profiling.record.facts import run_facts

NAME = "provenance"
ASKS = "Do all runs of the table share code, packages, data set, checkpoint, container, GPU and driver?"

ALL: tuple[FigureKind, ...] = ("latency", "energy", "flops", "memory", "quality", "stages")


def judge(context: Context) -> Finding:
    """The finding about each fact of the run against the other runs, and its packages against their lock.

    The run with the rarer value fails; where two values are equally frequent, the runs of both fail.
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
        yield Check("warn", f"installed packages differ from the lock: {', '.join(differences)}", ALL)


def _agreed(context: Context) -> Check:
    facts = [name for name, _ in run_facts(context.record)]
    return Check("pass", f"all runs that have them share {len(facts)} facts: {', '.join(facts)}")


def _count(counted: tuple[str, int]) -> int:
    return counted[1]
