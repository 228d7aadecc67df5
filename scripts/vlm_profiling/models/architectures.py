"""Full-size architectures from embedded configs, and models with random weights from any config.

With random weights latency, energy, FLOPs and memory are real, and nothing is downloaded; answers mean
nothing. Only what differs from the class defaults of transformers 5.23 is written down.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from transformers import (
    AutoModelForImageTextToText,
    Blip2Config,
    FuyuConfig,
    InstructBlipConfig,
    LlavaConfig,
    PreTrainedConfig,
    PreTrainedModel,
    Qwen2_5_VLConfig,
)
from transformers.initialization import no_init_weights

from vlm_profiling.models.errors import CheckpointError
from vlm_profiling.study.errors import allowed_names


@dataclass(frozen=True)
class Architecture:
    """A published model's shape."""

    hub: str
    """The checkpoint on the hub that has this shape."""
    config: Callable[[], PreTrainedConfig]
    source: str
    """Where the facts of the config come from."""


def _flan_t5_xl() -> dict[str, Any]:
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


def _blip2_opt() -> Blip2Config:
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


def _blip2_t5() -> Blip2Config:
    return Blip2Config(text_config=_flan_t5_xl(), num_query_tokens=32, image_token_index=32100)


def _instructblip_t5() -> InstructBlipConfig:
    return InstructBlipConfig(
        qformer_config={"vocab_size": 30523},
        text_config=_flan_t5_xl(),
        num_query_tokens=32,
        image_token_index=32100,
    )


def _fuyu() -> FuyuConfig:
    token_ids: dict[str, Any] = {"eos_token_id": 2, "pad_token_id": 0}
    return FuyuConfig(**token_ids)


def _llava() -> LlavaConfig:
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


def _qwen2_5_vl() -> Qwen2_5_VLConfig:
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


ARCHITECTURES: dict[str, Architecture] = {
    "blip2-opt-2.7b": Architecture(
        "Salesforce/blip2-opt-2.7b",
        _blip2_opt,
        "the checkpoint's config.json; vision and Q-Former are the class defaults",
    ),
    "blip2-flan-t5-xl": Architecture(
        "Salesforce/blip2-flan-t5-xl",
        _blip2_t5,
        "the checkpoint's config.json; vision and Q-Former are the class defaults",
    ),
    "instructblip-flan-t5-xl": Architecture(
        "Salesforce/instructblip-flan-t5-xl",
        _instructblip_t5,
        "the conversion script in transformers (Q-Former vocabulary, google/flan-t5-xl); image token as in blip2-flan-t5-xl",
    ),
    "fuyu-8b": Architecture("adept/fuyu-8b", _fuyu, "the class defaults, which are this checkpoint's"),
    "llava-1.5-7b-hf": Architecture(
        "llava-hf/llava-1.5-7b-hf", _llava, "the checkpoint's config.json; CLIP ViT-L/14 at 336 px"
    ),
    "Qwen2.5-VL-3B-Instruct": Architecture(
        "Qwen/Qwen2.5-VL-3B-Instruct", _qwen2_5_vl, "the checkpoint's config.json"
    ),
}


def full_size_config(name: str) -> PreTrainedConfig:
    """A new config of a published architecture. Raises CheckpointError for a name that is not embedded."""
    if name not in ARCHITECTURES:
        raise CheckpointError(f"unknown architecture {name!r}; {allowed_names(ARCHITECTURES, name)}")
    return ARCHITECTURES[name].config()


def model_from_config(
    config: PreTrainedConfig,
    *,
    device: torch.device | str,
    dtype: torch.dtype,
    attention: str,
    seed: int = 0,
    draw_once: bool = False,
) -> PreTrainedModel:
    """A model with random weights (the seed's, on the CPU), in evaluation mode, its weights without
    gradients.

    They are drawn on the device in `dtype`: nothing is cast or copied. torch's layers draw theirs when they
    are made, and transformers draws all again; `draw_once` leaves out the first, for large models (tiny
    checkpoints keep their bytes). On the device "meta" it takes no memory.
    """
    with torch.random.fork_rng(devices=[]), torch.device(device):
        torch.manual_seed(seed)
        with no_init_weights() if draw_once else nullcontext():
            model = AutoModelForImageTextToText.from_config(
                config, dtype=dtype, attn_implementation=attention
            )
        if draw_once:
            model.init_weights()
        finish_random_weights(model)
    return model.eval().requires_grad_(False)


def finish_random_weights(model: PreTrainedModel) -> None:
    """Draw what transformers' own initialisation leaves as no published model has it, where it lies."""
    _untie_t5_head(model)
    queries: Any = getattr(model, "query_tokens", None)
    if queries is not None:  # zeros by default: every query would be the same
        torch.nn.init.normal_(queries, std=model.config.initializer_range)


def _untie_t5_head(model: PreTrainedModel) -> None:
    """Give T5 an output head of its own, which flan-t5 has: T5Config 5.x ties it whatever the config says."""
    language_model: Any = getattr(model, "language_model", None)
    if language_model is not None and language_model.config.model_type == "t5":
        head = torch.empty_like(language_model.lm_head.weight)
        torch.nn.init.normal_(head, std=head.shape[1] ** -0.5)
        language_model.lm_head.weight = torch.nn.Parameter(head)
