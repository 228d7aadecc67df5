"""LLaVA's tiny checkpoint."""

from __future__ import annotations

from transformers import CLIPVisionConfig, LlamaConfig, LlavaConfig

from vlm_profiling.models.llava.processor import llava_processor
from vlm_profiling.models.synthetic import TinyCheckpoint
from vlm_profiling.models.synthetic_tokenizers import byte_level_tokenizer
from vlm_profiling.models.tiny_parts import (
    PATCH,
    SIDE,
    WIDTH,
    embedding_rows,
    layer_sizes,
    special_ids,
    token_id,
)


def _llava() -> TinyCheckpoint:
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
    vision = CLIPVisionConfig(image_size=SIDE, patch_size=PATCH, projection_dim=WIDTH, **layer_sizes())
    text = LlamaConfig(
        vocab_size=embedding_rows(tokenizer),
        max_position_embeddings=1024,
        **layer_sizes(),
        **special_ids(tokenizer),
    )
    config = LlavaConfig(
        vision_config=vision.to_dict(),
        text_config=text.to_dict(),
        image_token_index=token_id(tokenizer, "<image>"),
        image_seq_length=(SIDE // PATCH) ** 2,
    )
    return TinyCheckpoint(config=config, processor=processor)


TINY = {"llava": _llava}
