"""Qwen2.5-VL's tiny checkpoint."""

from __future__ import annotations

from transformers import Qwen2_5_VLConfig

from vlm_profiling.models.qwen2_5_vl.processor import qwen2_5_vl_processor
from vlm_profiling.models.synthetic import TinyCheckpoint
from vlm_profiling.models.synthetic_tokenizers import byte_level_tokenizer
from vlm_profiling.models.tiny_parts import (
    FEED_FORWARD,
    HEADS,
    LAYERS,
    PATCH,
    SPREAD,
    WIDTH,
    embedding_rows,
    layer_sizes,
    special_ids,
    token_id,
)


def _qwen2_5_vl() -> TinyCheckpoint:
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
        "vocab_size": embedding_rows(tokenizer),
        "num_key_value_heads": HEADS // 2,
        "max_position_embeddings": 1024,
        # the three sections add up to half a head's width
        "rope_parameters": {"rope_type": "default", "mrope_section": [2, 3, 3], "rope_theta": 1e6},
        "tie_word_embeddings": True,
        **layer_sizes(),
        **special_ids(tokenizer),
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
        image_token_id=token_id(tokenizer, "<|image_pad|>"),
        video_token_id=token_id(tokenizer, "<|video_pad|>"),
        vision_start_token_id=token_id(tokenizer, "<|vision_start|>"),
        vision_end_token_id=token_id(tokenizer, "<|vision_end|>"),
        tie_word_embeddings=True,
    )
    # where torchvision is installed AutoProcessor loads a video processor too, and wants its settings
    video_settings = {"video_processor_type": "Qwen2VLVideoProcessor"} | {
        name: getattr(processor.image_processor, name)
        for name in ("patch_size", "merge_size", "temporal_patch_size")
    }
    return TinyCheckpoint(
        config=config,
        processor=processor,
        further_files={"video_preprocessor_config.json": video_settings},
    )


TINY = {"qwen2_5_vl": _qwen2_5_vl}
