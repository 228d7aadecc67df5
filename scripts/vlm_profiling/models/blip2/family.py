"""BLIP-2, with OPT or Flan-T5 as its language model (arXiv 2301.12597)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from transformers import GenerationConfig, PreTrainedModel, ProcessorMixin
from typing_extensions import override

from vlm_profiling.models.base import Family
from vlm_profiling.models.stages import CostRules
from vlm_profiling.models.synthetic import FullSizeModel, TinyCheckpoint


class Blip2(Family):
    """The image becomes a fixed number of query tokens before the request, which is given unchanged."""

    name = "blip2"
    model_types = ("blip-2",)
    one_image = "the processor puts the query tokens of one image before a prompt"

    @override
    @classmethod
    def cost_rules(cls) -> CostRules:
        from vlm_profiling.models.blip2.cost import COST

        return COST

    @override
    @classmethod
    def tiny_checkpoints(cls) -> Mapping[str, Callable[[], TinyCheckpoint]]:
        from vlm_profiling.models.blip2.tiny import TINY

        return TINY

    @override
    @classmethod
    def full_size_models(cls) -> Mapping[str, FullSizeModel]:
        from vlm_profiling.models.blip2.full_size import FULL_SIZE

        return FULL_SIZE

    @override
    @staticmethod
    def finish_random_weights(model: PreTrainedModel) -> None:
        """Queries of their own, which are zeros by default, and a T5 output head of its own, as Flan-T5 has:
        T5Config of transformers 5.x ties it whatever the config says.
        """
        parts: Any = model
        if parts.language_model.config.model_type == "t5":
            head = torch.empty_like(parts.language_model.lm_head.weight)
            torch.nn.init.normal_(head, std=head.shape[1] ** -0.5)
            parts.language_model.lm_head.weight = torch.nn.Parameter(head)
        torch.nn.init.normal_(parts.query_tokens, std=model.config.initializer_range)

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
