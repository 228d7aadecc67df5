"""LLaVA's processor made from settings."""

from __future__ import annotations

from transformers import CLIPImageProcessorPil, LlavaProcessor, PreTrainedTokenizerBase

LLAVA_CHAT_TEMPLATE = (
    "{% for message in messages %}{{ message['role'].upper() + ': ' }}{% for part in message['content'] %}"
    "{% if part['type'] == 'image' %}{{ '<image>\n' }}{% else %}{{ part['text'] + ' ' }}{% endif %}{% endfor %}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ 'ASSISTANT:' }}{% endif %}"
)


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
