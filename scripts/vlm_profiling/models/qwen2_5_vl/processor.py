"""Qwen2.5-VL's processor made from settings."""

from __future__ import annotations

from transformers import (
    PreTrainedTokenizerBase,
    ProcessorMixin,
    Qwen2_5_VLProcessor,
    Qwen2VLImageProcessorPil,
)

from vlm_profiling.models.image_only import image_only

QWEN_CHAT_TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{% for part in message['content'] %}"
    "{% if part['type'] == 'image' %}<|vision_start|><|image_pad|><|vision_end|>"
    "{% elif part['type'] == 'video' %}<|vision_start|><|video_pad|><|vision_end|>"
    "{% else %}{{ part['text'] }}{% endif %}"
    "{% endfor %}<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def qwen2_5_vl_processor(
    tokenizer: PreTrainedTokenizerBase, *, min_pixels: int, max_pixels: int
) -> ProcessorMixin:
    """A processor whose images keep their aspect, in patches of 14 pixels merged two by two.

    Args:
        tokenizer: Of the decoder, with the tokens of images and videos.
        min_pixels: Least area of an image.
        max_pixels: Largest area of an image.
    """
    image_processor = Qwen2VLImageProcessorPil(size={"shortest_edge": min_pixels, "longest_edge": max_pixels})
    return image_only(Qwen2_5_VLProcessor)(image_processor, tokenizer, chat_template=QWEN_CHAT_TEMPLATE)
