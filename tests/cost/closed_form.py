"""FLOPs from a config's sizes alone: textbook formulas that never look at the model's code.

The count is checked by them, stage by stage.

A linear layer takes 2 x in x out FLOPs a token; attention takes 2 x width x keys a query for the scores and
as much again for their product with the values (Kaplan et al. 2020, arXiv 2001.08361, appendix B, with its
terms that grow with context).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from vlm_profiling.cost.functions import (
    DecodeFlops,
    ModelCost,
    PrefillFlops,
    ProjectFlops,
    StageFlops,
    VisionFlops,
    work_flops,
)

CHANNELS = 3


def differences(config: Any, cost: ModelCost) -> dict[str, float]:
    """By stage that the model has: FLOPs of the closed form over those of the cost functions, minus 1."""
    assert cost.flops is not None, cost.absent
    work = cost.checks[0].work
    counted, closed = work_flops(cost.flops, work), work_flops(closed_form(config), work)
    stages = {
        stage: getattr(counted, f"{stage}_flops") for stage in ("vision", "project", "prefill", "decode")
    }
    return {
        stage: getattr(closed, f"{stage}_flops") / flops - 1
        for stage, flops in stages.items()
        if flops is not None
    }


def closed_form(config: Any) -> StageFlops:
    """The cost functions of a transformers config. Raises KeyError for a model type that is not in
    CLOSED_FORMS.
    """
    return CLOSED_FORMS[config.model_type](config)


def _blip(config: Any) -> StageFlops:
    vision, qformer, text = config.vision_config, config.qformer_config, config.text_config
    queries, width = config.num_query_tokens, qformer.hidden_size
    pixels = (vision.image_size // vision.patch_size) ** 2 + 1  # with the class token
    per_token = qformer.num_hidden_layers * _layer(width, qformer.intermediate_size)
    pair = qformer.num_hidden_layers * _attention(width)
    crossing_layers = -(-qformer.num_hidden_layers // qformer.cross_attention_frequency)
    crossing = queries * _linear(width, 2 * width) + pixels * _linear(vision.hidden_size, 2 * width)
    crossing += _attention(width) * queries * pixels
    out = queries * _linear(width, text.hidden_size)
    constant = queries * per_token + pair * queries**2 + crossing_layers * crossing + out
    project = ProjectFlops(constant=constant)
    if config.model_type == "instructblip":
        project = ProjectFlops(
            constant=constant, per_qformer_token=per_token + 2 * pair * queries, per_qformer_token_square=pair
        )
    prefill, decode = _t5(text) if text.is_encoder_decoder else _decoder(text)
    return StageFlops(vision=_vit(vision), project=project, prefill=prefill, decode=decode)


def _llava(config: Any) -> StageFlops:
    vision, text = config.vision_config, config.text_config
    patches = (vision.image_size // vision.patch_size) ** 2
    project = patches * (
        _linear(vision.hidden_size, text.hidden_size) + _linear(text.hidden_size, text.hidden_size)
    )
    prefill, decode = _decoder(text)
    return StageFlops(
        vision=_vit(vision), project=ProjectFlops(constant=project), prefill=prefill, decode=decode
    )


def _fuyu(config: Any) -> StageFlops:
    text = config.text_config
    project = ProjectFlops(per_patch=_linear(CHANNELS * config.patch_size**2, text.hidden_size))
    prefill, decode = _decoder(text)
    return StageFlops(project=project, prefill=prefill, decode=decode)


def _qwen2_5_vl(config: Any) -> StageFlops:
    vision = config.vision_config
    width, merged = vision.hidden_size, vision.spatial_merge_size**2
    full = len(vision.fullatt_block_indexes)
    embed = _linear(CHANNELS * vision.temporal_patch_size * vision.patch_size**2, width)
    merge = _linear(merged * width, merged * width) + _linear(merged * width, vision.out_hidden_size)
    prefill, decode = _decoder(config.text_config)
    return StageFlops(
        vision=VisionFlops(
            per_patch=embed + vision.depth * _layer(width, vision.intermediate_size, gated=True),
            per_patch_square=full * _attention(width),
            per_window_square=(vision.depth - full) * _attention(width),
            window=vision.window_size // vision.patch_size,
        ),
        project=ProjectFlops(per_patch=merge // merged),
        prefill=prefill,
        decode=decode,
    )


CLOSED_FORMS: dict[str, Callable[[Any], StageFlops]] = {
    "blip-2": _blip,
    "instructblip": _blip,
    "llava": _llava,
    "fuyu": _fuyu,
    "qwen2_5_vl": _qwen2_5_vl,
}
"""By model_type of config.json."""

GATED = {"llama", "mistral", "qwen2", "qwen2_5_vl_text"}
"""Decoders whose feed-forward layer has a gate: three matrices instead of two."""


def _vit(vision: Any) -> VisionFlops:
    """A vision transformer over all patches and a class token."""
    side = vision.image_size // vision.patch_size
    tokens, width = side**2 + 1, vision.hidden_size
    embed = side**2 * _linear(CHANNELS * vision.patch_size**2, width)
    layer = tokens * _layer(width, vision.intermediate_size) + _attention(width) * tokens**2
    return VisionFlops(grid=(side, side), constant=embed + vision.num_hidden_layers * layer)


def _decoder(text: Any) -> tuple[PrefillFlops, DecodeFlops]:
    """A decoder-only language model with logits for the last position."""
    width, layers = text.hidden_size, text.num_hidden_layers
    head_width = getattr(text, "head_dim", None) or width // text.num_attention_heads
    queries = head_width * text.num_attention_heads
    keys = head_width * (getattr(text, "num_key_value_heads", None) or text.num_attention_heads)
    feed_forward = getattr(text, "ffn_dim", None) or text.intermediate_size
    projections = _linear(width, 2 * queries + 2 * keys) + _linear(width, feed_forward) * (
        3 if text.model_type in GATED else 2
    )
    token, pair, logits = layers * projections, layers * _attention(queries), _linear(width, text.vocab_size)
    prefill = PrefillFlops(constant=logits, per_prompt_token=token, per_prompt_token_square=pair)
    return prefill, DecodeFlops(constant=token + logits, per_prompt_token=pair, per_step=pair)


def _t5(text: Any) -> tuple[PrefillFlops, DecodeFlops]:
    """T5: prefill is the encoder, the decoder's keys and values of its output, and the first token."""
    width, inner, decoder_layers = text.d_model, text.num_heads * text.d_kv, text.num_decoder_layers
    feed_forward = _linear(width, text.d_ff) * (3 if text.is_gated_act else 2)
    encoder = text.num_layers * (_linear(width, 4 * inner) + feed_forward)
    crossed_keys = decoder_layers * _linear(width, 2 * inner)
    pair = decoder_layers * _attention(inner)
    # self-attention and the query side of cross-attention; the start token attends to itself
    token = (
        decoder_layers * (_linear(width, 6 * inner) + feed_forward) + pair + _linear(width, text.vocab_size)
    )
    prefill = PrefillFlops(
        constant=token,
        per_prompt_token=encoder + crossed_keys + pair,
        per_prompt_token_square=text.num_layers * _attention(inner),
    )
    return prefill, DecodeFlops(constant=token, per_prompt_token=pair, per_step=pair)


def _layer(width: int, feed_forward: int, *, gated: bool = False) -> int:
    """A transformer layer's matrices on one token: query, key, value, output and feed-forward."""
    return _linear(width, 4 * width) + _linear(width, feed_forward) * (3 if gated else 2)


def _attention(width: int) -> int:
    """Of one query's score with one key and its product with one value."""
    return 4 * width


def _linear(inputs: int, outputs: int) -> int:
    return 2 * inputs * outputs
