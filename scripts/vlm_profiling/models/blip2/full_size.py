"""BLIP-2 at full size, with OPT and with Flan-T5."""

from __future__ import annotations

from typing import Any

from transformers import Blip2Config, PreTrainedConfig, ProcessorMixin

from vlm_profiling.models.blip2.processor import blip2_processor
from vlm_profiling.models.synthetic import FullSizeModel
from vlm_profiling.models.synthetic_tokenizers import byte_level_tokenizer, filled_vocabulary, t5_tokenizer

IMAGE_SIDE = 224
"""Pixels that the processors bring an image's sides to."""
SOURCE = "the checkpoint's config.json; vision and Q-Former are the class defaults"


def flan_t5_xl() -> dict[str, Any]:
    """The text config of google/flan-t5-xl."""
    return {
        "model_type": "t5",
        "vocab_size": 32128,
        "d_model": 2048,
        "d_kv": 64,
        "d_ff": 5120,
        "num_layers": 24,
        "num_decoder_layers": 24,
        "num_heads": 32,
        "feed_forward_proj": "gated-gelu",
        "tie_word_embeddings": False,
        "is_encoder_decoder": True,
        "pad_token_id": 0,
        "bos_token_id": 1,
        "eos_token_id": 1,
        "decoder_start_token_id": 0,
    }


def _opt_config() -> Blip2Config:
    opt = {
        "model_type": "opt",
        "vocab_size": 50304,
        "hidden_size": 2560,
        "word_embed_proj_dim": 2560,
        "ffn_dim": 10240,
        "num_hidden_layers": 32,
        "num_attention_heads": 32,
        "max_position_embeddings": 2048,
        "pad_token_id": 1,
        "bos_token_id": 2,
        "eos_token_id": 50118,
    }
    return Blip2Config(text_config=opt, num_query_tokens=32, image_token_index=50265)


def _opt_processor(config: PreTrainedConfig) -> ProcessorMixin:
    special = {"bos_token": "</s>", "eos_token": "</s>", "unk_token": "</s>", "pad_token": "<pad>"}
    tokenizer = byte_level_tokenizer(
        ["<s>", "<pad>", "</s>", "<unk>"], vocabulary=500, template="</s> $A", **special
    )
    tokenizer = filled_vocabulary(tokenizer, config.image_token_id)
    return blip2_processor(tokenizer, side=IMAGE_SIDE, queries=config.num_query_tokens)


def _t5_config() -> Blip2Config:
    return Blip2Config(text_config=flan_t5_xl(), num_query_tokens=32, image_token_index=32100)


def _t5_processor(config: PreTrainedConfig) -> ProcessorMixin:
    tokenizer = filled_vocabulary(t5_tokenizer(), config.image_token_id)
    return blip2_processor(tokenizer, side=IMAGE_SIDE, queries=config.num_query_tokens)


FULL_SIZE = {
    "blip2-opt-2.7b": FullSizeModel("Salesforce/blip2-opt-2.7b", _opt_config, _opt_processor, SOURCE),
    "blip2-flan-t5-xl": FullSizeModel("Salesforce/blip2-flan-t5-xl", _t5_config, _t5_processor, SOURCE),
}
