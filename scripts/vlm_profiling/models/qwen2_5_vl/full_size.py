"""Qwen2.5-VL at full size."""

from __future__ import annotations

from transformers import PreTrainedConfig, ProcessorMixin, Qwen2_5_VLConfig

from vlm_profiling.models.qwen2_5_vl.processor import qwen2_5_vl_processor
from vlm_profiling.models.synthetic import FullSizeModel
from vlm_profiling.models.synthetic_tokenizers import (
    byte_level_tokenizer,
    filled_vocabulary,
    with_special_tokens,
)

SPECIAL_TOKENS = (
    *("<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|object_ref_start|>", "<|object_ref_end|>"),
    *("<|box_start|>", "<|box_end|>", "<|quad_start|>", "<|quad_end|>"),
    *("<|vision_start|>", "<|vision_end|>", "<|vision_pad|>", "<|image_pad|>", "<|video_pad|>"),
)
"""In the order of their ids, from 151643 on (Qwen2.5-VL's tokenizer_config.json)."""


def _config() -> Qwen2_5_VLConfig:
    text = {
        "vocab_size": 151936,
        "hidden_size": 2048,
        "intermediate_size": 11008,
        "num_hidden_layers": 36,
        "num_attention_heads": 16,
        "num_key_value_heads": 2,
        "max_position_embeddings": 128000,
        "rms_norm_eps": 1e-6,
        "tie_word_embeddings": True,
        "rope_parameters": {"rope_type": "default", "mrope_section": [16, 24, 24], "rope_theta": 1e6},
    }
    vision = {
        "depth": 32,
        "hidden_size": 1280,
        "intermediate_size": 3420,
        "num_heads": 16,
        "out_hidden_size": 2048,
        "patch_size": 14,
        "window_size": 112,
        "fullatt_block_indexes": [7, 15, 23, 31],
        "tokens_per_second": 2,
    }
    return Qwen2_5_VLConfig(text_config=text, vision_config=vision, tie_word_embeddings=True)


def _processor(config: PreTrainedConfig) -> ProcessorMixin:
    first = config.image_token_id - SPECIAL_TOKENS.index("<|image_pad|>")
    tokenizer = filled_vocabulary(byte_level_tokenizer([], vocabulary=500), first)
    tokenizer = with_special_tokens(tokenizer, SPECIAL_TOKENS)
    tokenizer.eos_token, tokenizer.pad_token = "<|im_end|>", "<|endoftext|>"
    return qwen2_5_vl_processor(tokenizer, min_pixels=56 * 56, max_pixels=3584 * 3584)


FULL_SIZE = {
    "Qwen2.5-VL-3B-Instruct": FullSizeModel(
        "Qwen/Qwen2.5-VL-3B-Instruct", _config, _processor, "the checkpoint's config.json"
    )
}
