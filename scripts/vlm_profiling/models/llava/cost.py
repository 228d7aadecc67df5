"""The cost rules of LLaVA: a stage for the encoder, the projector and the decoder; one token a patch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from vlm_profiling.models.image_tokens import ImageTokens, square_grid
from vlm_profiling.models.stages import CostRules, ModelStages, decoder_stages, square_encoder


def _stages(model: Any, interpolates: bool) -> ModelStages:
    inner = model.model
    prefill, decode = decoder_stages(inner.language_model, head=model.lm_head)
    first_patch = 1 - _class_tokens(model.config)
    return ModelStages(
        **square_encoder(inner.vision_tower, model, interpolates),
        project=lambda _rows, _grid, features, _question: inner.multi_modal_projector(
            features[:, first_patch:]
        ),
        prefill=prefill,
        decode=decode,
    )


def _image_tokens(config: Any, _settings: Mapping[str, Any], interpolates: bool) -> ImageTokens:
    rows, columns = square_grid(config.vision_config)
    return ImageTokens(
        grid=(rows, columns),
        tokens=rows * columns + _class_tokens(config),
        patch=config.vision_config.patch_size if interpolates else 0,
        tokens_a_patch=1 if interpolates else None,
    )


def _class_tokens(config: Any) -> int:
    """Class tokens that are projected beside the patches: the strategy "default" drops the encoder's one."""
    return 0 if config.vision_feature_select_strategy == "default" else 1


COST = CostRules(_stages, _image_tokens)
