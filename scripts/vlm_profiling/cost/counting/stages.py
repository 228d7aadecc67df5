"""The stages of an architecture as separate calls of the model's own modules, on tensors of shape and no
content.

A whole forward cannot run on the meta device: merging image and text depends on data. Its stages can, and
FLOPs depend on shapes alone. Counted one by one they equal a real generate() to the last operation
(tests/cost).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn

from vlm_profiling.cost.functions import Grid

DTYPE = torch.bfloat16
"""Of the model whose FLOPs are counted, which do not depend on it."""


@dataclass(frozen=True)
class Generation:
    """The language model after a prefill or a decode step."""

    cache: Any
    """Key-value cache, as transformers returns it."""
    encoded: Any = None
    """Encoder output, with T5: a tensor (rows, prompt tokens, width)."""


Prefill: TypeAlias = Callable[[int, int], Generation]
Decode: TypeAlias = Callable[[int, Generation], Generation]


@dataclass(frozen=True)
class Stages:
    """The stages of one model. Every call takes the rows of the batch first."""

    grid: Grid | None
    """The only patch grid that the encoder takes; None where it takes any."""
    own_grid: Grid | None
    """The one that its learned positions are made for: the only one, or the one that others are interpolated
    from.
    """
    window: int | None
    """Side of the encoder's attention windows in patches; None without windows."""
    reads_question: bool
    """Whether the Q-Former reads the question's tokens."""
    encode: Callable[[int, Grid], Tensor] | None
    """(rows, grid) -> features; None where images have no encoder."""
    project: Callable[[int, Grid, Any, int], Tensor]
    """(rows, grid, features or None, qformer_tokens) -> image tokens for the language model."""
    prefill: Prefill
    """(rows, prompt_tokens) -> the state after the first token's logits."""
    decode: Decode
    """(rows, state) -> the state after one more token's logits."""


def _blip(model: Any, interpolates: bool) -> Stages:
    """BLIP-2 and InstructBLIP, whose Q-Former also reads the question; language model OPT or T5."""
    reads_question = model.config.model_type == "instructblip"

    def project(rows: int, _grid: Grid, features: Tensor, qformer_tokens: int) -> Tensor:
        queries = model.query_tokens.expand(rows, -1, -1)
        question = {"input_ids": _ids(rows, qformer_tokens)} if reads_question else {}
        read = model.qformer(
            query_embeds=queries, encoder_hidden_states=features, **question
        ).last_hidden_state
        return model.language_projection(read[:, : queries.shape[1]])

    language_model = model.language_model
    prefill, decode = (
        _t5(language_model) if language_model.config.is_encoder_decoder else _decoder(language_model)
    )
    return Stages(
        **_square_grid(model.config.vision_config, interpolates),
        window=None,
        reads_question=reads_question,
        encode=_square_encoder(model.vision_model, model, interpolates),
        project=project,
        prefill=prefill,
        decode=decode,
    )


def _llava(model: Any, interpolates: bool) -> Stages:
    inner = model.model
    prefill, decode = _decoder(inner.language_model, head=model.lm_head)
    first_patch = (
        1 if model.config.vision_feature_select_strategy == "default" else 0
    )  # "default" drops the class token
    return Stages(
        **_square_grid(model.config.vision_config, interpolates),
        window=None,
        reads_question=False,
        encode=_square_encoder(inner.vision_tower, model, interpolates),
        project=lambda _rows, _grid, features, _question: inner.multi_modal_projector(
            features[:, first_patch:]
        ),
        prefill=prefill,
        decode=decode,
    )


def _square_grid(vision: Any, interpolates: bool) -> dict[str, Grid | None]:
    side = vision.image_size // vision.patch_size
    return {"grid": None if interpolates else (side, side), "own_grid": (side, side)}


def _square_encoder(encoder: Any, model: Any, interpolates: bool) -> Callable[[int, Grid], Tensor]:
    """An encoder with a learned position for each patch of a square image, or positions interpolated from
    them.
    """
    patch = model.config.vision_config.patch_size
    options = {"interpolate_pos_encoding": True} if interpolates else {}
    return lambda rows, grid: (
        encoder(_values(model.dtype, rows, 3, grid[0] * patch, grid[1] * patch), **options).last_hidden_state
    )


def _fuyu(model: Any, _interpolates: bool) -> Stages:
    """No encoder: a linear layer projects each patch's pixels."""
    projection = model.model.vision_embed_tokens
    prefill, decode = _decoder(model.model.language_model, head=model.lm_head)
    return Stages(
        grid=None,
        own_grid=None,
        window=None,
        reads_question=False,
        encode=None,
        project=lambda rows, grid, _features, _question: projection(
            _values(model.dtype, rows, grid[0] * grid[1], projection.in_features)
        ),
        prefill=prefill,
        decode=decode,
    )


def _qwen2_5_vl(model: Any, _interpolates: bool) -> Stages:
    """The encoder calls the merger, which is the projection, itself: it is counted with nothing in the
    merger's place.
    """
    from transformers.vision_utils import (
        get_vision_attention_seqlens,
        get_vision_position_ids,
        get_vision_window_index,
    )

    visual, config = model.model.visual, model.config.vision_config
    merge, pixels = (
        config.spatial_merge_size,
        config.in_channels * config.temporal_patch_size * config.patch_size**2,
    )
    prefill, decode = _decoder(model.model.language_model, head=model.lm_head, position_axes=3)

    def encode(rows: int, grid: Grid) -> Tensor:
        # what depends on the grid's values is computed from real numbers; the forward itself sees shapes
        grids = torch.tensor([[1, *grid]] * rows)
        lengths, longest = get_vision_attention_seqlens(grids, config)
        order, window_lengths = get_vision_window_index(grids, merge, config.window_size, config.patch_size)
        merger, visual.merger = visual.merger, nn.Identity()
        try:
            return visual(
                _values(model.dtype, rows * grid[0] * grid[1], pixels),
                grids,
                position_ids=get_vision_position_ids(grids, merge).to("meta"),
                cu_seqlens=lengths,
                max_seqlen=longest,
                window_index=order.to("meta"),
                cu_window_seqlens=window_lengths,
            ).last_hidden_state
        finally:
            visual.merger = merger

    return Stages(
        grid=None,
        own_grid=None,
        window=config.window_size // merge // config.patch_size * merge,
        reads_question=False,
        encode=encode,
        project=lambda _rows, _grid, features, _question: visual.merger(features),
        prefill=prefill,
        decode=decode,
    )


def _decoder(
    language_model: Any, head: nn.Module | None = None, position_axes: int = 1
) -> tuple[Prefill, Decode]:
    """A decoder-only language model, with its logits for the last position only, as generate() asks for them.

    `head` is given where the language model does not end with its own. Several position axes (multimodal
    rotary embedding) have to be given; a single one the model counts itself.
    """
    width = language_model.get_input_embeddings().weight.shape[1]

    def step(rows: int, tokens: int, cache: Any) -> Generation:
        positions = {} if position_axes == 1 else {"position_ids": _ids(position_axes, rows, tokens)}
        keep = {} if head is not None else {"logits_to_keep": 1}
        output = language_model(
            inputs_embeds=_values(language_model.dtype, rows, tokens, width),
            past_key_values=cache,
            use_cache=True,
            **positions,
            **keep,
        )
        if head is not None:
            head(output.last_hidden_state[:, -1:])
        return Generation(cache=output.past_key_values)

    return lambda rows, prompt_tokens: step(rows, prompt_tokens, None), lambda rows, state: step(
        rows, 1, state.cache
    )


def _t5(language_model: Any) -> tuple[Prefill, Decode]:
    """An encoder-decoder: the encoder reads the prompt, the decoder starts from one token."""
    width = language_model.get_input_embeddings().weight.shape[1]

    def step(rows: int, encoded: Tensor, cache: Any) -> Generation:
        output = language_model(
            encoder_outputs=(encoded,), decoder_input_ids=_ids(rows, 1), past_key_values=cache, use_cache=True
        )
        return Generation(cache=output.past_key_values, encoded=encoded)

    def prefill(rows: int, prompt_tokens: int) -> Generation:
        encoded = language_model.encoder(
            inputs_embeds=_values(language_model.dtype, rows, prompt_tokens, width)
        ).last_hidden_state
        return step(rows, encoded, None)

    return prefill, lambda rows, state: step(rows, state.encoded, state.cache)


def model_stages(model: Any, image_size_mode: str = "processor") -> Stages:
    """The stages of a model on the meta device. Raises KeyError for a model type that is not in STAGES."""
    return STAGES[model.config.model_type](model, image_size_mode == "interpolate")


STAGES: dict[str, Callable[[Any, bool], Stages]] = {
    "blip-2": _blip,
    "instructblip": _blip,
    "llava": _llava,
    "fuyu": _fuyu,
    "qwen2_5_vl": _qwen2_5_vl,
}
"""By model_type of config.json: the stages of a model, its encoder's positions interpolated or not."""


def _values(dtype: torch.dtype, *shape: int) -> Tensor:
    return torch.empty(*shape, device="meta", dtype=dtype)


def _ids(*shape: int) -> Tensor:
    return torch.empty(*shape, device="meta", dtype=torch.long)
