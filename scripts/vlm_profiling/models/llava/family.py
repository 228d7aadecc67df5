"""LLaVA: a CLIP tower whose patches, projected, stand among the tokens of a decoder (arXiv 2310.03744)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from transformers import PreTrainedModel, ProcessorMixin
from typing_extensions import override

from vlm_profiling.models.base import Family
from vlm_profiling.models.stages import CostRules
from vlm_profiling.models.synthetic import FullSizeModel, TinyCheckpoint


class Llava(Family):
    """An image of fixed size takes one position a patch."""

    name = "llava"
    model_types = ("llava",)

    @override
    @classmethod
    def cost_rules(cls) -> CostRules:
        from vlm_profiling.models.llava.cost import COST

        return COST

    @override
    @classmethod
    def tiny_checkpoints(cls) -> Mapping[str, Callable[[], TinyCheckpoint]]:
        from vlm_profiling.models.llava.tiny import TINY

        return TINY

    @override
    @classmethod
    def full_size_models(cls) -> Mapping[str, FullSizeModel]:
        from vlm_profiling.models.llava.full_size import FULL_SIZE

        return FULL_SIZE

    @property
    @override
    def can_interpolate(self) -> bool:
        return self.config.vision_config.model_type == "clip_vision_model"

    @override
    def adapt(self, model: PreTrainedModel) -> None:
        if self.image_sizing == "interpolated":  # generate() hands no such argument through
            tower: Any = model.get_submodule("model.vision_tower")
            tower.forward = partial(tower.forward, interpolate_pos_encoding=True)

    @override
    def square(self, side: int) -> dict[str, Any]:
        return {"size": {"shortest_edge": side}, "crop_size": super().square(side)["size"]}

    @override
    def prompt(self, processor: ProcessorMixin, request: str, images: int = 1) -> str:
        if processor.chat_template is None:  # revisions of llava-1.5 before it shipped its template
            return f"USER: {'<image>' * images}\n{request} ASSISTANT:"
        return super().prompt(processor, request, images)

    @override
    def stage_modules(self, model: PreTrainedModel) -> dict[str, str]:
        return {"model.vision_tower": "vision", "model.multi_modal_projector": "project", "": "lm"}

    @override
    def compile_targets(self, model: PreTrainedModel) -> list[str]:
        return list(self.stage_modules(model))
