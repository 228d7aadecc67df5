"""LLaVA: a CLIP tower whose patches, projected, stand among the tokens of a decoder (arXiv 2310.03744)."""

from __future__ import annotations

from transformers import PreTrainedModel, ProcessorMixin
from typing_extensions import override

from vlm_profiling.checkpoints.families.base import Family


class Llava(Family):
    """A picture of fixed size takes one position a patch."""

    name = "llava"
    model_types = ("llava",)

    @override
    def prompt(self, processor: ProcessorMixin, request: str) -> str:
        if processor.chat_template is None:  # revisions of llava-1.5 before it shipped its template
            return f"USER: <image>\n{request} ASSISTANT:"
        return super().prompt(processor, request)

    @override
    def stage_modules(self, model: PreTrainedModel) -> dict[str, str]:
        return {"model.vision_tower": "vision", "model.multi_modal_projector": "project", "": "lm"}

    @override
    def compile_targets(self, model: PreTrainedModel) -> list[str]:
        return list(self.stage_modules(model))
