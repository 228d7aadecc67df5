"""LLaVA at full size."""

from __future__ import annotations

from transformers import LlavaConfig, PreTrainedConfig, ProcessorMixin

from vlm_profiling.models.llava.processor import llava_processor
from vlm_profiling.models.synthetic import FullSizeModel
from vlm_profiling.models.synthetic_tokenizers import (
    byte_level_tokenizer,
    filled_vocabulary,
    with_special_tokens,
)


def _config() -> LlavaConfig:
    vision = {
        "model_type": "clip_vision_model",
        "hidden_size": 1024,
        "intermediate_size": 4096,
        "num_hidden_layers": 24,
        "num_attention_heads": 16,
        "image_size": 336,
        "patch_size": 14,
        "projection_dim": 768,
    }
    text = {"model_type": "llama", "vocab_size": 32064, "max_position_embeddings": 4096, "rms_norm_eps": 1e-5}
    return LlavaConfig(vision_config=vision, text_config=text, image_token_index=32000)


def _processor(config: PreTrainedConfig) -> ProcessorMixin:
    special = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"}
    tokenizer = byte_level_tokenizer(["<unk>", "<s>", "</s>"], vocabulary=500, template="<s> $A", **special)
    tokenizer = filled_vocabulary(tokenizer, config.image_token_id)
    tokenizer = with_special_tokens(tokenizer, ["<image>", "<pad>"])
    tokenizer.pad_token = "<pad>"
    vision = config.vision_config
    return llava_processor(tokenizer, side=vision.image_size, patch=vision.patch_size)


FULL_SIZE = {
    "llava-1.5-7b-hf": FullSizeModel(
        "llava-hf/llava-1.5-7b-hf",
        _config,
        _processor,
        "the checkpoint's config.json; CLIP ViT-L/14 at 336 px",
    )
}
