"""Tiny checkpoints of six architectures, randomly initialised, the same bytes each time.

A folder loads like any checkpoint of the hub, in a tenth of a second. The widths are small, everything else
is there: processor, chat template, special tokens, padding, windows and merging. End-of-sequence is never the
likeliest token, so that a run generates exactly as many tokens as it is asked for.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from transformers import (
    Blip2Config,
    Blip2QFormerConfig,
    Blip2VisionConfig,
    CLIPVisionConfig,
    FuyuConfig,
    InstructBlipConfig,
    InstructBlipQFormerConfig,
    InstructBlipVisionConfig,
    LlamaConfig,
    LlavaConfig,
    OPTConfig,
    PreTrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
    ProcessorMixin,
    Qwen2_5_VLConfig,
    T5Config,
)

from vlm_profiling.models.architectures import model_from_config
from vlm_profiling.models.errors import CheckpointError
from vlm_profiling.models.folders import whole_folder
from vlm_profiling.models.synthetic_processors import (
    blip2_processor,
    fuyu_processor,
    instructblip_processor,
    llava_processor,
    qwen2_5_vl_processor,
)
from vlm_profiling.models.tiny_tokenizers import (
    FUYU_PIECES,
    bert_tokenizer,
    byte_level_tokenizer,
    fuyu_tokenizer,
    t5_tokenizer,
)
from vlm_profiling.study.errors import allowed_names

WIDTH, FEED_FORWARD, LAYERS, HEADS = 64, 128, 2, 4
SIDE, PATCH, QUERIES = 28, 14, 8
SPREAD = 0.2
"""Standard deviation of the weights: far above a real initialisation, so that a random model tells images
apart.
"""

Parts = tuple[PreTrainedConfig, ProcessorMixin]


def build_tiny_checkpoint(architecture: str, folder: Path, seed: int = 0) -> None:
    """Write a tiny checkpoint into a folder: config, weights as safetensors (float32), processor. Files have
    mode 0644.

    The folder appears whole, in the place of an older one.
    Raises CheckpointError for an architecture that is not one of TINY_ARCHITECTURES.
    """
    if architecture not in _PARTS:
        raise CheckpointError(
            f"unknown tiny architecture {architecture!r}; {allowed_names(TINY_ARCHITECTURES, architecture)}"
        )
    config, processor = _PARTS[architecture]()
    model = model_from_config(config, device="cpu", dtype=torch.float32, attention="sdpa", seed=seed)
    _silence_special_tokens(model, processor.tokenizer)
    with whole_folder(folder) as temporary:
        model.save_pretrained(temporary)
        processor.save_pretrained(temporary)
        if architecture == "qwen2_5_vl":
            _write_video_processor(temporary, processor)


def _blip2_opt() -> Parts:
    tokenizer = byte_level_tokenizer(
        ["<s>", "<pad>", "</s>", "<unk>"],
        vocabulary=500,
        template="</s> $A",
        bos_token="</s>",
        eos_token="</s>",
        unk_token="</s>",
        pad_token="<pad>",
    )
    processor = blip2_processor(tokenizer, side=SIDE, queries=QUERIES)
    text = OPTConfig(
        vocab_size=_rows(tokenizer),
        hidden_size=WIDTH,
        word_embed_proj_dim=WIDTH,
        ffn_dim=FEED_FORWARD,
        num_hidden_layers=LAYERS,
        num_attention_heads=HEADS,
        max_position_embeddings=512,
        dropout=0.0,
        init_std=SPREAD,
        **_ids(tokenizer),
    )
    return _blip2(text, tokenizer), processor


def _blip2_t5() -> Parts:
    tokenizer = t5_tokenizer()
    processor = blip2_processor(tokenizer, side=SIDE, queries=QUERIES)
    return _blip2(_t5(tokenizer), tokenizer), processor


def _blip2(text: PreTrainedConfig, tokenizer: PreTrainedTokenizerBase) -> Blip2Config:
    return Blip2Config(
        vision_config=Blip2VisionConfig(image_size=SIDE, patch_size=PATCH, **_encoder()).to_dict(),
        qformer_config=Blip2QFormerConfig(vocab_size=64, cross_attention_frequency=2, **_encoder()).to_dict(),
        text_config=text.to_dict(),
        num_query_tokens=QUERIES,
        image_token_index=_id(tokenizer, "<image>"),
        initializer_range=SPREAD,
    )


def _instructblip_t5() -> Parts:
    tokenizer, qformer_tokenizer = t5_tokenizer(), bert_tokenizer()
    processor = instructblip_processor(tokenizer, qformer_tokenizer, side=SIDE, queries=QUERIES)
    qformer = InstructBlipQFormerConfig(
        vocab_size=_rows(qformer_tokenizer), cross_attention_frequency=2, **_encoder()
    )
    config = InstructBlipConfig(
        vision_config=InstructBlipVisionConfig(image_size=SIDE, patch_size=PATCH, **_encoder()).to_dict(),
        qformer_config=qformer.to_dict(),
        text_config=_t5(tokenizer).to_dict(),
        num_query_tokens=QUERIES,
        image_token_index=_id(tokenizer, "<image>"),
        initializer_range=SPREAD,
    )
    return config, processor


def _fuyu() -> Parts:
    tokenizer = fuyu_tokenizer()
    processor = fuyu_processor(tokenizer, width=90, height=60, patch=10)
    text = {
        "model_type": "persimmon",
        "vocab_size": _rows(tokenizer),
        "hidden_act": "relu2",
        "qk_layernorm": True,
        "partial_rotary_factor": 0.5,
        "max_position_embeddings": 1024,
        **_encoder(),
        **_ids(tokenizer),
    }
    config = FuyuConfig(
        text_config=text,
        patch_size=10,
        image_size=60,
        image_token_id=_id(tokenizer, "|SPEAKER|"),
        initializer_range=SPREAD,
        **_ids(tokenizer),
    )
    if hasattr(
        config, "hidden_size"
    ):  # up to transformers 5.22 a width of its own, which patches are projected to
        config.hidden_size = text["hidden_size"]
    return config, processor


def _llava() -> Parts:
    tokenizer = byte_level_tokenizer(
        ["<unk>", "<s>", "</s>", "<pad>", "<image>"],
        vocabulary=500,
        template="<s> $A",
        bos_token="<s>",
        eos_token="</s>",
        unk_token="<unk>",
        pad_token="<pad>",
    )
    processor = llava_processor(tokenizer, side=SIDE, patch=PATCH)
    text = LlamaConfig(
        vocab_size=_rows(tokenizer), max_position_embeddings=1024, **_encoder(), **_ids(tokenizer)
    )
    config = LlavaConfig(
        vision_config=CLIPVisionConfig(
            image_size=SIDE, patch_size=PATCH, projection_dim=WIDTH, **_encoder()
        ).to_dict(),
        text_config=text.to_dict(),
        image_token_index=_id(tokenizer, "<image>"),
        image_seq_length=(SIDE // PATCH) ** 2,
    )
    return config, processor


def _qwen2_5_vl() -> Parts:
    tokenizer = byte_level_tokenizer(
        [
            *("<|endoftext|>", "<|im_start|>", "<|im_end|>"),
            *("<|vision_start|>", "<|vision_end|>", "<|image_pad|>", "<|video_pad|>"),
        ],
        vocabulary=500,
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
    )
    processor = qwen2_5_vl_processor(tokenizer, min_pixels=56 * 56, max_pixels=224 * 224)
    text = {
        "vocab_size": _rows(tokenizer),
        "num_key_value_heads": HEADS // 2,
        "max_position_embeddings": 1024,
        # the three sections add up to half a head's width
        "rope_parameters": {"rope_type": "default", "mrope_section": [2, 3, 3], "rope_theta": 1e6},
        "tie_word_embeddings": True,
        **_encoder(),
        **_ids(tokenizer),
    }
    vision = {
        "depth": LAYERS,
        "hidden_size": WIDTH,
        "out_hidden_size": WIDTH,
        "intermediate_size": FEED_FORWARD,
        "num_heads": HEADS,
        "patch_size": PATCH,
        "window_size": 4 * PATCH,
        "fullatt_block_indexes": [1],
        "initializer_range": SPREAD,
    }
    config = Qwen2_5_VLConfig(
        text_config=text,
        vision_config=vision,
        image_token_id=_id(tokenizer, "<|image_pad|>"),
        video_token_id=_id(tokenizer, "<|video_pad|>"),
        vision_start_token_id=_id(tokenizer, "<|vision_start|>"),
        vision_end_token_id=_id(tokenizer, "<|vision_end|>"),
        tie_word_embeddings=True,
    )
    return config, processor


_PARTS: dict[str, Callable[[], Parts]] = {
    "blip2-opt": _blip2_opt,
    "blip2-t5": _blip2_t5,
    "instructblip-t5": _instructblip_t5,
    "fuyu": _fuyu,
    "llava": _llava,
    "qwen2_5_vl": _qwen2_5_vl,
}

TINY_ARCHITECTURES: tuple[str, ...] = tuple(_PARTS)
"""Names that build_tiny_checkpoint takes."""


def _encoder() -> dict[str, Any]:
    return {
        "hidden_size": WIDTH,
        "intermediate_size": FEED_FORWARD,
        "num_hidden_layers": LAYERS,
        "num_attention_heads": HEADS,
        "initializer_range": SPREAD,
    }


def _t5(tokenizer: PreTrainedTokenizerBase) -> T5Config:
    settings: dict[str, Any] = {"tie_word_embeddings": False, "decoder_start_token_id": 0}
    return T5Config(
        vocab_size=_rows(tokenizer),
        d_model=WIDTH,
        d_kv=WIDTH // HEADS,
        d_ff=FEED_FORWARD,
        num_layers=LAYERS,
        num_decoder_layers=LAYERS,
        num_heads=HEADS,
        feed_forward_proj="gated-gelu",
        dropout_rate=0.0,
        pad_token_id=0,
        eos_token_id=1,
        **settings,
    )


def _ids(tokenizer: PreTrainedTokenizerBase) -> dict[str, Any]:
    return {name: getattr(tokenizer, name) for name in ("bos_token_id", "eos_token_id", "pad_token_id")}


def _id(tokenizer: PreTrainedTokenizerBase, token: str) -> int:
    return tokenizer.get_vocab()[token]


def _rows(tokenizer: PreTrainedTokenizerBase) -> int:
    """Rows of the embedding: the tokenizer's size, rounded up as checkpoints on the hub have it."""
    return -(-len(tokenizer) // 64) * 64


def _silence_special_tokens(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> None:
    """Zero the head's rows of special tokens: their logit is 0, and the largest of hundreds of random ones is
    above.
    """
    vocabulary = tokenizer.get_vocab()
    special = {
        *tokenizer.added_tokens_decoder,
        *(vocabulary[piece] for piece in FUYU_PIECES if piece in vocabulary),
    }
    head: Any = model.get_output_embeddings()
    head.weight[sorted(special)] = 0.0


def _write_video_processor(folder: Path, processor: ProcessorMixin) -> None:
    """Where torchvision is installed AutoProcessor loads a video processor too, and wants its settings."""
    names = ("patch_size", "merge_size", "temporal_patch_size")
    settings = {"video_processor_type": "Qwen2VLVideoProcessor"}
    settings |= {name: getattr(processor.image_processor, name) for name in names}
    (folder / "video_preprocessor_config.json").write_text(json.dumps(settings, indent=2) + "\n")
