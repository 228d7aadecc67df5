"""Full-size architectures without a download: the config, and a processor that makes prompts of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tokenizers import AddedToken, Tokenizer
from transformers import PreTrainedConfig, PreTrainedTokenizerFast, ProcessorMixin

from vlm_profiling.models.architectures import full_size_config
from vlm_profiling.models.folders import whole_folder
from vlm_profiling.models.synthetic_processors import (
    blip2_processor,
    fuyu_processor,
    instructblip_processor,
    llava_processor,
    qwen2_5_vl_processor,
)
from vlm_profiling.models.tiny_tokenizers import (
    bert_tokenizer,
    byte_level_tokenizer,
    fuyu_tokenizer,
    t5_tokenizer,
)

QWEN_SPECIAL_TOKENS = (
    *(
        "<|endoftext|>",
        "<|im_start|>",
        "<|im_end|>",
        "<|object_ref_start|>",
        "<|object_ref_end|>",
        "<|box_start|>",
    ),
    *(
        "<|box_end|>",
        "<|quad_start|>",
        "<|quad_end|>",
        "<|vision_start|>",
        "<|vision_end|>",
        "<|vision_pad|>",
    ),
    *("<|image_pad|>", "<|video_pad|>"),
)
"""In the order of their ids, from 151643 on (Qwen2.5-VL's tokenizer_config.json)."""


def write_full_size_checkpoint(architecture: str, folder: Path) -> None:
    """Write config and processor of an embedded architecture into a folder; it has no weights.

    Raises CheckpointError for an architecture that is not embedded.
    """
    config = full_size_config(architecture)
    processor = _PROCESSORS[architecture](config)
    with whole_folder(folder) as temporary:
        config.save_pretrained(temporary)
        processor.save_pretrained(temporary)


def _blip2_opt(config: PreTrainedConfig) -> ProcessorMixin:
    special = {"bos_token": "</s>", "eos_token": "</s>", "unk_token": "</s>", "pad_token": "<pad>"}
    tokenizer = byte_level_tokenizer(
        ["<s>", "<pad>", "</s>", "<unk>"], vocabulary=500, template="</s> $A", **special
    )
    return blip2_processor(
        _filled(tokenizer, config.image_token_id), side=224, queries=config.num_query_tokens
    )


def _blip2_t5(config: PreTrainedConfig) -> ProcessorMixin:
    return blip2_processor(
        _filled(t5_tokenizer(), config.image_token_id), side=224, queries=config.num_query_tokens
    )


def _instructblip_t5(config: PreTrainedConfig) -> ProcessorMixin:
    tokenizer = _filled(t5_tokenizer(), config.image_token_id)
    qformer_tokenizer = _filled(bert_tokenizer(), config.qformer_config.vocab_size)
    return instructblip_processor(tokenizer, qformer_tokenizer, side=224, queries=config.num_query_tokens)


def _fuyu(config: PreTrainedConfig) -> ProcessorMixin:
    tokenizer = _filled(fuyu_tokenizer(), config.text_config.vocab_size)
    processor = fuyu_processor(tokenizer, width=1920, height=1080, patch=config.patch_size)
    config.image_token_id = processor.image_token_id  # an ordinary piece here, whose place is free
    return processor


def _llava(config: PreTrainedConfig) -> ProcessorMixin:
    special = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"}
    tokenizer = byte_level_tokenizer(["<unk>", "<s>", "</s>"], vocabulary=500, template="<s> $A", **special)
    tokenizer = _with_special_tokens(_filled(tokenizer, config.image_token_id), ["<image>", "<pad>"])
    tokenizer.pad_token = "<pad>"
    return llava_processor(
        tokenizer, side=config.vision_config.image_size, patch=config.vision_config.patch_size
    )


def _qwen2_5_vl(config: PreTrainedConfig) -> ProcessorMixin:
    first = config.image_token_id - QWEN_SPECIAL_TOKENS.index("<|image_pad|>")
    tokenizer = _with_special_tokens(
        _filled(byte_level_tokenizer([], vocabulary=500), first), QWEN_SPECIAL_TOKENS
    )
    tokenizer.eos_token, tokenizer.pad_token = "<|im_end|>", "<|endoftext|>"
    return qwen2_5_vl_processor(tokenizer, min_pixels=56 * 56, max_pixels=3584 * 3584)


_PROCESSORS: dict[str, Callable[[PreTrainedConfig], ProcessorMixin]] = {
    "blip2-opt-2.7b": _blip2_opt,
    "blip2-flan-t5-xl": _blip2_t5,
    "instructblip-flan-t5-xl": _instructblip_t5,
    "fuyu-8b": _fuyu,
    "llava-1.5-7b-hf": _llava,
    "Qwen2.5-VL-3B-Instruct": _qwen2_5_vl,
}


def _filled(tokenizer: PreTrainedTokenizerFast, size: int) -> PreTrainedTokenizerFast:
    """The tokenizer with a vocabulary of `size`, the pieces added being such as no text holds."""
    state = json.loads(tokenizer.backend_tokenizer.to_str())
    vocabulary = state["model"]["vocab"]
    pieces = {f"\0{number}": number for number in range(len(vocabulary), size)}
    if isinstance(vocabulary, dict):
        vocabulary |= pieces
    else:  # Unigram: pieces with their log probabilities, in the order of their ids
        vocabulary += [[piece, -100.0] for piece in pieces]
    return PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer.from_str(json.dumps(state)),
        model_max_length=tokenizer.model_max_length,
        padding_side=tokenizer.padding_side,
        **tokenizer.special_tokens_map,
    )


def _with_special_tokens(
    tokenizer: PreTrainedTokenizerFast, tokens: Sequence[str]
) -> PreTrainedTokenizerFast:
    """The tokenizer with special tokens of the ids that follow, in this order."""
    added: list[Any] = [AddedToken(token, normalized=False, special=True) for token in tokens]
    tokenizer.add_tokens(added, special_tokens=True)
    return tokenizer
