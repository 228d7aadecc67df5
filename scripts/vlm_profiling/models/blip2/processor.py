"""BLIP-2's processor made from settings."""

from __future__ import annotations

from transformers import Blip2Processor, BlipImageProcessorPil, PreTrainedTokenizerBase


def blip2_processor(tokenizer: PreTrainedTokenizerBase, *, side: int, queries: int) -> Blip2Processor:
    """Images of side x side pixels become `queries` tokens. Adds the token <image> to the tokenizer."""
    return Blip2Processor(
        BlipImageProcessorPil(size={"height": side, "width": side}), tokenizer, num_query_tokens=queries
    )
