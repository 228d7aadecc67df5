"""LLaVA's processor made from settings."""

from __future__ import annotations

from transformers import CLIPImageProcessorPil, LlavaProcessor, PreTrainedTokenizerBase

LLAVA_CHAT_TEMPLATE = (
    "{% for message in messages %}{{ message['role'].upper() + ': ' }}{% for part in message['content'] %}"
    "{% if part['type'] == 'image' %}{{ '<image>\n' }}{% else %}{{ part['text'] + ' ' }}{% endif %}"
    "{% endfor %}{% endfor %}"
    "{% if add_generation_prompt %}{{ 'ASSISTANT:' }}{% endif %}"
)


def llava_processor(tokenizer: PreTrainedTokenizerBase, *, side: int, patch: int) -> LlavaProcessor:
    """A processor that brings images to side x side pixels, which take one token a patch.

    Args:
        tokenizer: Of the decoder, with the token <image>.
        side: Pixels of an image's side.
        patch: Pixels of a patch's side. The encoder's class token gets no token.
    """
    return LlavaProcessor(
        CLIPImageProcessorPil(size={"shortest_edge": side}, crop_size={"height": side, "width": side}),
        tokenizer,
        patch_size=patch,
        vision_feature_select_strategy="default",
        num_additional_image_tokens=1,
        chat_template=LLAVA_CHAT_TEMPLATE,
    )
