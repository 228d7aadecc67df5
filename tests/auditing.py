"""What an audit is shown in tests: one record, its siblings, and the facts of them all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from vlm_profiling.audits.base import Context, Siblings
from vlm_profiling.cost.functions import ModelCost
from vlm_profiling.cost.roofline.ceilings import Ceilings
from vlm_profiling.record.facts import count_facts
from vlm_profiling.record.schema import RunRecord
from vlm_profiling.study import study_from_mapping

STUDY: dict[str, Any] = {
    "name": "audited",
    "models": {"tiny-llava": {"tiny": "llava"}},
    "datasets": {"shapes": {"package": "easy-vqa"}},
    "optimizations": {"fp32": {"dtype": "float32"}},
    "baseline": {"device": "cpu", "optimization": "fp32"},
}


def context_of(
    record: RunRecord,
    siblings: Sequence[RunRecord] = (),
    cost: ModelCost | None = None,
    axes: Mapping[str, Sequence[int | None]] | None = None,
    ceilings: Ceilings | None = None,
) -> Context:
    """A record among its siblings, in a study with these values of axes."""
    study = study_from_mapping(
        STUDY | {"axes": {name: {"values": list(values)} for name, values in (axes or {}).items()}}
    )
    measured = {ceilings.device: ceilings} if ceilings else {}
    return Context(
        study, record, Siblings([record, *siblings]), cost, measured, count_facts([record, *siblings])
    )
