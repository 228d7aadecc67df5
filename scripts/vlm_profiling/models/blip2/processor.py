"""BLIP-2's processor made from settings."""

from __future__ import annotations

from transformers import Blip2Processor, BlipImageProcessorPil, PreTrainedTokenizerBase


def blip2_processor(tokenizer: PreTrainedTokenizerBase, *, side: int, queries: int) -> Blip2Processor:
    """A processor that brings images to side x side pixels, which become `queries` tokens.

    Args:
        tokenizer: Of the language model. The token <image> is added to it.
        side: Pixels of an image's side.
        queries: Queries of the Q-Former.
    """
    return Blip2Processor(
        BlipImageProcessorPil(size={"height": side, "width": side}), tokenizer, num_query_tokens=queries
    )
