"""BLIP-2, with OPT or Flan-T5 as its language model (arXiv 2301.12597)."""

from __future__ import annotations

from typing import Any

from transformers import GenerationConfig, PreTrainedModel, ProcessorMixin
from typing_extensions import override

from vlm_profiling.models.families.base import Family


class Blip2(Family):
    """The image becomes a fixed number of query tokens in front of the request, which is given as it stands."""

    name = "blip2"
    model_types = ("blip-2",)
    one_image = "the processor puts the query tokens of one image before a prompt"

    @property
    @override
    def can_interpolate(self) -> bool:
        return True

    @override
    def generate_arguments(self, model: PreTrainedModel) -> dict[str, Any]:
        return {"interpolate_pos_encoding": True} if self.image_sizing == "interpolated" else {}

    @override
    def prompt(self, processor: ProcessorMixin, request: str, images: int = 1) -> str:
        return request

    @override
    def generation_config(self, model: PreTrainedModel) -> GenerationConfig:
        language_model: Any = model.language_model
        return language_model.generation_config  # generate() hands over to the language model's own

    @override
    def stage_modules(self, model: PreTrainedModel) -> dict[str, str]:
        stages = {
            "vision_model": "vision",
            "qformer": "project",
            "language_projection": "project",
            "language_model": "lm",
        }
        if self.config.get_text_config().is_encoder_decoder:
            stages["language_model.encoder"] = "prefill"
        return stages

    @override
    def compile_targets(self, model: PreTrainedModel) -> list[str]:
        return list(self.stage_modules(model))
