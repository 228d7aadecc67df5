"""The cost rules of Qwen2.5-VL: an encoder with attention windows, and one token for 2 x 2 patches."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from transformers.vision_utils import (
    get_vision_attention_seqlens,
    get_vision_position_ids,
    get_vision_window_index,
)

from vlm_profiling.models.image_tokens import Grid, ImageTokens
from vlm_profiling.models.stages import CostRules, ModelStages, decoder_stages, values


def _stages(model: Any, _interpolates: bool) -> ModelStages:
    """The encoder itself calls the merger, which is the projection: it is counted without the merger."""
    visual, config = model.model.visual, model.config.vision_config
    merge = config.spatial_merge_size
    patch_values = config.in_channels * config.temporal_patch_size * config.patch_size**2
    prefill, decode = decoder_stages(model.model.language_model, head=model.lm_head, position_axes=3)

    def encode(rows: int, grid: Grid) -> Tensor:
        # what depends on the grid's values is computed from real numbers; the forward itself sees shapes
        grids = torch.tensor([[1, *grid]] * rows)
        lengths, longest = get_vision_attention_seqlens(grids, config)
        order, window_lengths = get_vision_window_index(grids, merge, config.window_size, config.patch_size)
        merger, visual.merger = visual.merger, nn.Identity()
        try:
            return visual(
                values(model.dtype, rows * grid[0] * grid[1], patch_values),
                grids,
                position_ids=get_vision_position_ids(grids, merge).to("meta"),
                cu_seqlens=lengths,
                max_seqlen=longest,
                window_index=order.to("meta"),
                cu_window_seqlens=window_lengths,
            ).last_hidden_state
        finally:
            visual.merger = merger

    def keep_layers(layers: int) -> None:
        visual.fullatt_block_indexes = [layers - 1]  # so that one layer of each kind of attention is kept

    return ModelStages(
        window=config.window_size // merge // config.patch_size * merge,
        encode=encode,
        project=lambda _rows, _grid, features, _question: visual.merger(features),
        prefill=prefill,
        decode=decode,
        keep_layers=keep_layers,
    )


def _image_tokens(config: Any, settings: Mapping[str, Any], _interpolates: bool) -> ImageTokens:
    """Revisions of the hub name the bounds min_pixels and max_pixels, newer ones shortest_edge and
    longest_edge.
    """
    size = settings.get("size") or {}
    vision = config.vision_config
    return ImageTokens(
        area=(
            settings.get("min_pixels") or size["shortest_edge"],
            settings.get("max_pixels") or size["longest_edge"],
        ),
        patch=vision.patch_size,
        merge=vision.spatial_merge_size,
        frames=vision.temporal_patch_size,
    )


COST = CostRules(_stages, _image_tokens)
