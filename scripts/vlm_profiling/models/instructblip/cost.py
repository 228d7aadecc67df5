"""The cost rules of InstructBLIP: those of BLIP-2, with a Q-Former that also reads the question."""

from __future__ import annotations

from typing import Any

from vlm_profiling.models.blip2.cost import qformer_stages, query_tokens
from vlm_profiling.models.stages import CostRules, ModelStages


def _stages(model: Any, interpolates: bool) -> ModelStages:
    return qformer_stages(model, interpolates, reads_question=True)


COST = CostRules(_stages, query_tokens)
