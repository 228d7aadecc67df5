"""BLIP-2's tiny checkpoints, with OPT and with T5."""

from __future__ import annotations

from transformers import (
    Blip2Config,
    Blip2QFormerConfig,
    Blip2VisionConfig,
    OPTConfig,
    PreTrainedConfig,
    PreTrainedTokenizerBase,
)

from vlm_profiling.models.blip2.processor import blip2_processor
from vlm_profiling.models.synthetic import TinyCheckpoint
from vlm_profiling.models.synthetic_tokenizers import byte_level_tokenizer, t5_tokenizer
from vlm_profiling.models.tiny_parts import (
    FEED_FORWARD,
    HEADS,
    LAYERS,
    PATCH,
    QUERIES,
    SIDE,
    SPREAD,
    WIDTH,
    embedding_rows,
    layer_sizes,
    special_ids,
    t5_config,
    token_id,
)


def _blip2_opt() -> TinyCheckpoint:
    tokenizer = byte_level_tokenizer(
        ["<s>", "<pad>", "</s>", "<unk>"],
        vocabulary=500,
        template="</s> $A",
        bos_token="</s>",
        eos_token="</s>",
        unk_token="</s>",
        pad_token="<pad>",
    )
    processor = blip2_processor(tokenizer, side=SIDE, queries=QUERIES)
    text = OPTConfig(
        vocab_size=embedding_rows(tokenizer),
        hidden_size=WIDTH,
        word_embed_proj_dim=WIDTH,
        ffn_dim=FEED_FORWARD,
        num_hidden_layers=LAYERS,
        num_attention_heads=HEADS,
        max_position_embeddings=512,
        dropout=0.0,
        init_std=SPREAD,
        **special_ids(tokenizer),
    )
    return TinyCheckpoint(config=_config(text, tokenizer), processor=processor)


def _blip2_t5() -> TinyCheckpoint:
    tokenizer = t5_tokenizer()
    processor = blip2_processor(tokenizer, side=SIDE, queries=QUERIES)
    return TinyCheckpoint(config=_config(t5_config(tokenizer), tokenizer), processor=processor)


def _config(text: PreTrainedConfig, tokenizer: PreTrainedTokenizerBase) -> Blip2Config:
    qformer = Blip2QFormerConfig(vocab_size=64, cross_attention_frequency=2, **layer_sizes())
    return Blip2Config(
        vision_config=Blip2VisionConfig(image_size=SIDE, patch_size=PATCH, **layer_sizes()).to_dict(),
        qformer_config=qformer.to_dict(),
        text_config=text.to_dict(),
        num_query_tokens=QUERIES,
        image_token_index=token_id(tokenizer, "<image>"),
        initializer_range=SPREAD,
    )


TINY = {"blip2-opt": _blip2_opt, "blip2-t5": _blip2_t5}
