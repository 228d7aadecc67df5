"""InstructBLIP's tiny checkpoint, with T5."""

from __future__ import annotations

from transformers import InstructBlipConfig, InstructBlipQFormerConfig, InstructBlipVisionConfig

from vlm_profiling.models.instructblip.processor import bert_tokenizer, instructblip_processor
from vlm_profiling.models.synthetic import TinyCheckpoint
from vlm_profiling.models.synthetic_tokenizers import t5_tokenizer
from vlm_profiling.models.tiny_parts import (
    PATCH,
    QUERIES,
    SIDE,
    SPREAD,
    embedding_rows,
    layer_sizes,
    t5_config,
    token_id,
)


def _instructblip_t5() -> TinyCheckpoint:
    tokenizer, qformer_tokenizer = t5_tokenizer(), bert_tokenizer()
    processor = instructblip_processor(tokenizer, qformer_tokenizer, side=SIDE, queries=QUERIES)
    qformer = InstructBlipQFormerConfig(
        vocab_size=embedding_rows(qformer_tokenizer), cross_attention_frequency=2, **layer_sizes()
    )
    config = InstructBlipConfig(
        vision_config=InstructBlipVisionConfig(image_size=SIDE, patch_size=PATCH, **layer_sizes()).to_dict(),
        qformer_config=qformer.to_dict(),
        text_config=t5_config(tokenizer).to_dict(),
        num_query_tokens=QUERIES,
        image_token_index=token_id(tokenizer, "<image>"),
        initializer_range=SPREAD,
    )
    return TinyCheckpoint(config=config, processor=processor)


TINY = {"instructblip-t5": _instructblip_t5}
