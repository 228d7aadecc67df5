"""Fuyu at full size."""

from __future__ import annotations

from typing import Any

from transformers import FuyuConfig, PreTrainedConfig, ProcessorMixin

from vlm_profiling.models.fuyu.processor import fuyu_processor, fuyu_tokenizer
from vlm_profiling.models.synthetic import FullSizeModel
from vlm_profiling.models.synthetic_tokenizers import filled_vocabulary


def _config() -> FuyuConfig:
    token_ids: dict[str, Any] = {"eos_token_id": 2, "pad_token_id": 0}
    return FuyuConfig(**token_ids)


def _processor(config: PreTrainedConfig) -> ProcessorMixin:
    tokenizer = filled_vocabulary(fuyu_tokenizer(), config.text_config.vocab_size)
    processor = fuyu_processor(tokenizer, width=1920, height=1080, patch=config.patch_size)
    config.image_token_id = processor.image_token_id  # an ordinary piece here, whose place is free
    return processor


FULL_SIZE = {
    "fuyu-8b": FullSizeModel(
        "adept/fuyu-8b", _config, _processor, "the class defaults, which are this checkpoint's"
    )
}
