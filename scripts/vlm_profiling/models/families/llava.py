"""LLaVA: a CLIP tower whose patches, projected, stand among the tokens of a decoder (arXiv 2310.03744)."""

from __future__ import annotations

from functools import partial
from typing import Any

from transformers import PreTrainedModel, ProcessorMixin
from typing_extensions import override

from vlm_profiling.models.families.base import Family


class Llava(Family):
    """An image of fixed size takes one position a patch."""

    name = "llava"
    model_types = ("llava",)

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
