"""InstructBLIP: BLIP-2 whose Q-Former reads the request too (arXiv 2305.06500)."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from typing_extensions import override

from vlm_profiling.models.blip2.family import Blip2
from vlm_profiling.models.stages import CostRules
from vlm_profiling.models.synthetic import FullSizeModel, TinyCheckpoint


class InstructBlip(Blip2):
    """As BLIP-2; the request is tokenized a second time, for the Q-Former."""

    name = "instructblip"
    model_types = ("instructblip",)

    @override
    @classmethod
    def cost_rules(cls) -> CostRules:
        from vlm_profiling.models.instructblip.cost import COST

        return COST

    @override
    @classmethod
    def tiny_checkpoints(cls) -> Mapping[str, Callable[[], TinyCheckpoint]]:
        from vlm_profiling.models.instructblip.tiny import TINY

        return TINY

    @override
    @classmethod
    def full_size_models(cls) -> Mapping[str, FullSizeModel]:
        from vlm_profiling.models.instructblip.full_size import FULL_SIZE

        return FULL_SIZE
