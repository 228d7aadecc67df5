"""Processors made from settings instead of a hub's files: for tiny checkpoints, and for one trained from
nothing.
"""

from __future__ import annotations

from typing import Any

from transformers import (
    Blip2Processor,
    BlipImageProcessorPil,
    CLIPImageProcessorPil,
    FuyuImageProcessorPil,
    FuyuProcessor,
    InstructBlipProcessor,
    LlavaProcessor,
    PreTrainedTokenizerBase,
    ProcessorMixin,
    Qwen2_5_VLProcessor,
    Qwen2VLImageProcessorPil,
)

from vlm_profiling.models.families.image_only import image_only

LLAVA_CHAT_TEMPLATE = (
    "{% for message in messages %}{{ message['role'].upper() + ': ' }}{% for part in message['content'] %}"
    "{% if part['type'] == 'image' %}{{ '<image>\n' }}{% else %}{{ part['text'] + ' ' }}{% endif %}{% endfor %}{% endfor %}"
    "{% if add_generation_prompt %}{{ 'ASSISTANT:' }}{% endif %}"
)

QWEN_CHAT_TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{% for part in message['content'] %}"
    "{% if part['type'] == 'image' %}<|vision_start|><|image_pad|><|vision_end|>"
    "{% elif part['type'] == 'video' %}<|vision_start|><|video_pad|><|vision_end|>{% else %}{{ part['text'] }}{% endif %}"
    "{% endfor %}<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def blip2_processor(tokenizer: PreTrainedTokenizerBase, *, side: int, queries: int) -> Blip2Processor:
    """Images of side x side pixels become `queries` tokens. Adds the token <image> to the tokenizer."""
    return Blip2Processor(
        BlipImageProcessorPil(size={"height": side, "width": side}), tokenizer, num_query_tokens=queries
    )


def instructblip_processor(
    tokenizer: PreTrainedTokenizerBase, qformer_tokenizer: PreTrainedTokenizerBase, *, side: int, queries: int
) -> InstructBlipProcessor:
    """As for BLIP-2, with a second tokenizer for the Q-Former."""
    image_processor = BlipImageProcessorPil(size={"height": side, "width": side})
    return InstructBlipProcessor(image_processor, tokenizer, qformer_tokenizer, num_query_tokens=queries)


def fuyu_processor(
    tokenizer: PreTrainedTokenizerBase, *, width: int, height: int, patch: int
) -> FuyuProcessor:
    """Images are made smaller to fit width x height pixels and cut into square patches."""
    cut: Any = {"height": patch, "width": patch}
    image_processor = FuyuImageProcessorPil(size={"height": height, "width": width}, patch_size=cut)
    return FuyuProcessor(image_processor, tokenizer)


def llava_processor(tokenizer: PreTrainedTokenizerBase, *, side: int, patch: int) -> LlavaProcessor:
    """Images of side x side pixels, one token a patch; the tower's class token is left out."""
    return LlavaProcessor(
        CLIPImageProcessorPil(size={"shortest_edge": side}, crop_size={"height": side, "width": side}),
        tokenizer,
        patch_size=patch,
        vision_feature_select_strategy="default",
        num_additional_image_tokens=1,
        chat_template=LLAVA_CHAT_TEMPLATE,
    )


def qwen2_5_vl_processor(
    tokenizer: PreTrainedTokenizerBase, *, min_pixels: int, max_pixels: int
) -> ProcessorMixin:
    """Images keep their aspect, with an area between the two bounds, in 14-pixel patches merged two by two."""
    image_processor = Qwen2VLImageProcessorPil(size={"shortest_edge": min_pixels, "longest_edge": max_pixels})
    return image_only(Qwen2_5_VLProcessor)(image_processor, tokenizer, chat_template=QWEN_CHAT_TEMPLATE)
