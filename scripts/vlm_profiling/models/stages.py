"""The stages of a model as separate calls of its own modules, on tensors that have a shape and no content.

A whole forward pass cannot run on the meta device: merging image and text depends on data. Its stages can,
and FLOPs depend on shapes alone. Counted one by one they equal a real generate() exactly (tests/cost).

A family describes its stages in models/FAMILY/cost.py with the builders below.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn

from vlm_profiling.models.image_tokens import Grid, ImageTokens, square_grid

DTYPE = torch.bfloat16
"""The dtype of a model whose FLOPs are counted. FLOPs do not depend on it."""


@dataclass(frozen=True)
class Generation:
    """The state of the language model after a prefill or a decode step."""

    cache: Any
    """Key-value cache, as transformers returns it."""
    encoded: Any = None
    """Encoder output, with T5: a tensor (rows, prompt tokens, width)."""


Prefill: TypeAlias = Callable[[int, int], Generation]
"""(rows, prompt_tokens) -> the state after the first token's logits."""
Decode: TypeAlias = Callable[[int, Generation], Generation]
"""(rows, state) -> the state after one more token's logits."""


def _nothing_to_change(_layers: int) -> None:
    """The default of `ModelStages.keep_layers`."""


@dataclass(frozen=True, kw_only=True)
class ModelStages:
    """The stages of one model. Every call takes the rows of the batch first."""

    grid: Grid | None = None
    """The only patch grid that the encoder takes; None where it takes any."""
    own_grid: Grid | None = None
    """The grid that the learned positions are made for: the only one, or the one that others are
    interpolated from; None without learned positions.
    """
    window: int | None = None
    """Side of the encoder's attention windows in patches; None without windows."""
    reads_question: bool = False
    """Whether the Q-Former reads the question's tokens."""
    encode: Callable[[int, Grid], Tensor] | None = None
    """(rows, grid) -> features; None where images have no encoder."""
    project: Callable[[int, Grid, Any, int], Tensor]
    """(rows, grid, features or None, qformer_tokens) -> image tokens for the language model."""
    prefill: Prefill
    decode: Decode
    keep_layers: Callable[[int], None] = _nothing_to_change
    """Called after every stack of layers was cut to so many: changes what else depends on their number."""


@dataclass(frozen=True)
class CostRules:
    """What counting the cost of a family's models needs to know of them."""

    stages: Callable[[Any, bool], ModelStages]
    """(model on the meta device, whether positions are interpolated) -> its stages."""
    image_tokens: Callable[[Any, Mapping[str, Any], bool], ImageTokens]
    """(transformers config, settings of the image processor in the checkpoint's own file, whether positions
    are interpolated) -> how images are cut.
    """


def square_encoder(encoder: Any, model: Any, interpolates: bool) -> dict[str, Any]:
    """`grid`, `own_grid` and `encode` of an encoder with a learned position for each patch of a square image.

    Args:
        encoder: The vision encoder, which takes pixels (rows, 3, height, width).
        model: The model, for its dtype and vision config.
        interpolates: Whether positions are interpolated from the learned ones, for a grid of any size.
    """
    vision = model.config.vision_config
    patch, own_grid = vision.patch_size, square_grid(vision)
    options = {"interpolate_pos_encoding": True} if interpolates else {}

    def encode(rows: int, grid: Grid) -> Tensor:
        pixels = values(model.dtype, rows, 3, grid[0] * patch, grid[1] * patch)
        return encoder(pixels, **options).last_hidden_state

    return {"grid": None if interpolates else own_grid, "own_grid": own_grid, "encode": encode}


def decoder_stages(
    language_model: Any, head: nn.Module | None = None, position_axes: int = 1
) -> tuple[Prefill, Decode]:
    """Prefill and decode of a decoder-only language model, with logits for the last position only, as
    generate() asks for them.

    Args:
        language_model: The decoder.
        head: The output head, where the language model does not end with its own.
        position_axes: Axes of the position ids. Several (multimodal rotary embedding) have to be given; a
            single one the model counts itself.
    """
    width = language_model.get_input_embeddings().weight.shape[1]

    def step(rows: int, tokens: int, cache: Any) -> Generation:
        positions = {} if position_axes == 1 else {"position_ids": token_ids(position_axes, rows, tokens)}
        keep = {} if head is not None else {"logits_to_keep": 1}
        output = language_model(
            inputs_embeds=values(language_model.dtype, rows, tokens, width),
            past_key_values=cache,
            use_cache=True,
            **positions,
            **keep,
        )
        if head is not None:
            head(output.last_hidden_state[:, -1:])
        return Generation(cache=output.past_key_values)

    def prefill(rows: int, prompt_tokens: int) -> Generation:
        return step(rows, prompt_tokens, None)

    def decode(rows: int, state: Generation) -> Generation:
        return step(rows, 1, state.cache)

    return prefill, decode


def t5_stages(language_model: Any) -> tuple[Prefill, Decode]:
    """Prefill and decode of T5: the encoder reads the prompt, the decoder starts from one token."""
    width = language_model.get_input_embeddings().weight.shape[1]

    def step(rows: int, encoded: Tensor, cache: Any) -> Generation:
        output = language_model(
            encoder_outputs=(encoded,),
            decoder_input_ids=token_ids(rows, 1),
            past_key_values=cache,
            use_cache=True,
        )
        return Generation(cache=output.past_key_values, encoded=encoded)

    def prefill(rows: int, prompt_tokens: int) -> Generation:
        embeddings = values(language_model.dtype, rows, prompt_tokens, width)
        encoded = language_model.encoder(inputs_embeds=embeddings).last_hidden_state
        return step(rows, encoded, None)

    def decode(rows: int, state: Generation) -> Generation:
        return step(rows, state.encoded, state.cache)

    return prefill, decode


def values(dtype: torch.dtype, *shape: int) -> Tensor:
    """A tensor of numbers on the meta device."""
    return torch.empty(*shape, device="meta", dtype=dtype)


def token_ids(*shape: int) -> Tensor:
    """A tensor of token ids, or of other integers, on the meta device."""
    return torch.empty(*shape, device="meta", dtype=torch.long)
