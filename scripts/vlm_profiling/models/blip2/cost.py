"""The cost rules of BLIP-2: a Q-Former makes as many tokens of any image; the language model is OPT or T5.

InstructBLIP has the same stages, with a Q-Former that also reads the question.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from vlm_profiling.models.image_tokens import Grid, ImageTokens, square_grid
from vlm_profiling.models.stages import (
    CostRules,
    ModelStages,
    decoder_stages,
    square_encoder,
    t5_stages,
    token_ids,
)


def qformer_stages(model: Any, interpolates: bool, *, reads_question: bool) -> ModelStages:
    """The stages of a model with a Q-Former.

    Args:
        model: The model on the meta device.
        interpolates: Whether the encoder's positions are interpolated.
        reads_question: Whether the Q-Former reads the question beside the image.
    """

    def project(rows: int, _grid: Grid, features: Tensor, qformer_tokens: int) -> Tensor:
        queries = model.query_tokens.expand(rows, -1, -1)
        question = {"input_ids": token_ids(rows, qformer_tokens)} if reads_question else {}
        read = model.qformer(
            query_embeds=queries, encoder_hidden_states=features, **question
        ).last_hidden_state
        return model.language_projection(read[:, : queries.shape[1]])

    def keep_layers(layers: int) -> None:
        model.qformer.config.num_hidden_layers = layers  # by which it counts its layers

    language_model = model.language_model
    encoder_decoder = language_model.config.is_encoder_decoder
    prefill, decode = t5_stages(language_model) if encoder_decoder else decoder_stages(language_model)
    return ModelStages(
        **square_encoder(model.vision_model, model, interpolates),
        reads_question=reads_question,
        project=project,
        prefill=prefill,
        decode=decode,
        keep_layers=keep_layers,
    )


def query_tokens(config: Any, _settings: Mapping[str, Any], interpolates: bool) -> ImageTokens:
    """As many tokens of any image as the Q-Former has queries."""
    return ImageTokens(
        grid=square_grid(config.vision_config),
        tokens=config.num_query_tokens,
        patch=config.vision_config.patch_size if interpolates else 0,
        tokens_a_patch=0 if interpolates else None,
    )


def _stages(model: Any, interpolates: bool) -> ModelStages:
    return qformer_stages(model, interpolates, reads_question=False)


COST = CostRules(_stages, query_tokens)
