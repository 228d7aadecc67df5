"""The list of all audits, in the order of the pages, and the audit of a whole study."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby

from vlm_profiling.audits import (
    answers,
    axis_effect,
    batch_invariance,
    memory,
    meters,
    noise_band,
    optimization,
    parts_sum,
    physical_floor,
    provenance,
    quality_drift,
    right_device,
    thermal,
    work_parity,
)
from vlm_profiling.audits.base import Context, Finding, Siblings
from vlm_profiling.cost.functions import ModelCost
from vlm_profiling.cost.roofline.ceilings import Ceilings
from vlm_profiling.record.facts import count_facts
from vlm_profiling.record.schema import RunRecord
from vlm_profiling.study import Run, Study


@dataclass(frozen=True)
class Audit:
    """One file of this folder."""

    name: str
    asks: str
    """The question it answers, for a reader of the pages."""
    judge: Callable[[Context], Finding]


AUDITS = tuple(
    Audit(audit.NAME, audit.ASKS, audit.judge)
    for audit in (
        right_device,
        work_parity,
        physical_floor,
        axis_effect,
        optimization,
        answers,
        batch_invariance,
        quality_drift,
        parts_sum,
        memory,
        noise_band,
        meters,
        thermal,
        provenance,
    )
)

Finished = Callable[[Iterable[Run]], Iterable[tuple[Run, RunRecord]]]
"""Reads the records of those runs that finished with figures."""


def judge(context: Context) -> list[Finding]:
    """The findings of all audits about one run."""
    return [audit.judge(context) for audit in AUDITS]


def judge_study(
    study: Study,
    runs: Collection[Run],
    finished: Finished,
    costs: Mapping[str, ModelCost],
    ceilings: Mapping[str, Ceilings],
) -> Iterator[tuple[Run, Finding]]:
    """The findings about every finished run of a study.

    Records are read twice: once to count the facts of provenance of the whole table, once to be audited with
    those of the same model and data set, so that only these are in memory at a time.
    """
    table = count_facts(record for _, record in finished(runs))
    for _, group in groupby(sorted(runs, key=_group), key=_group):
        readings = list(finished(group))
        siblings = Siblings([record for _, record in readings])
        for run, record in readings:
            context = Context(study, record, siblings, costs.get(run.model), ceilings, table)
            yield from ((run, finding) for finding in judge(context))


def _group(run: Run) -> tuple[str, str]:
    return run.model, run.dataset
