"""InstructBLIP at full size, with Flan-T5."""

from __future__ import annotations

from transformers import InstructBlipConfig, PreTrainedConfig, ProcessorMixin

from vlm_profiling.models.blip2.full_size import IMAGE_SIDE, flan_t5_xl
from vlm_profiling.models.instructblip.processor import bert_tokenizer, instructblip_processor
from vlm_profiling.models.synthetic import FullSizeModel
from vlm_profiling.models.synthetic_tokenizers import filled_vocabulary, t5_tokenizer


def _config() -> InstructBlipConfig:
    return InstructBlipConfig(
        qformer_config={"vocab_size": 30523},
        text_config=flan_t5_xl(),
        num_query_tokens=32,
        image_token_index=32100,
    )


def _processor(config: PreTrainedConfig) -> ProcessorMixin:
    tokenizer = filled_vocabulary(t5_tokenizer(), config.image_token_id)
    qformer_tokenizer = filled_vocabulary(bert_tokenizer(), config.qformer_config.vocab_size)
    return instructblip_processor(
        tokenizer, qformer_tokenizer, side=IMAGE_SIDE, queries=config.num_query_tokens
    )


FULL_SIZE = {
    "instructblip-flan-t5-xl": FullSizeModel(
        "Salesforce/instructblip-flan-t5-xl",
        _config,
        _processor,
        "the conversion script in transformers (Q-Former vocabulary, google/flan-t5-xl); "
        "image token as in blip2-flan-t5-xl",
    )
}
