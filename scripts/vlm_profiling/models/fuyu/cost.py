"""The cost rules of Fuyu: no encoder, a linear layer projects the pixels of each patch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from vlm_profiling.models.image_tokens import ImageTokens
from vlm_profiling.models.stages import CostRules, ModelStages, decoder_stages, values


def _stages(model: Any, _interpolates: bool) -> ModelStages:
    projection = model.model.vision_embed_tokens
    prefill, decode = decoder_stages(model.model.language_model, head=model.lm_head)
    return ModelStages(
        project=lambda rows, grid, _features, _question: projection(
            values(model.dtype, rows, grid[0] * grid[1], projection.in_features)
        ),
        prefill=prefill,
        decode=decode,
    )


def _image_tokens(config: Any, settings: Mapping[str, Any], _interpolates: bool) -> ImageTokens:
    size = settings["size"]
    return ImageTokens(canvas=(size["width"], size["height"]), patch=config.patch_size)


COST = CostRules(_stages, _image_tokens)
