"""Fuyu's tiny checkpoint."""

from __future__ import annotations

from transformers import FuyuConfig

from vlm_profiling.models.fuyu.processor import FUYU_PIECES, fuyu_processor, fuyu_tokenizer
from vlm_profiling.models.synthetic import TinyCheckpoint
from vlm_profiling.models.tiny_parts import SPREAD, embedding_rows, layer_sizes, special_ids, token_id


def _fuyu() -> TinyCheckpoint:
    tokenizer = fuyu_tokenizer()
    processor = fuyu_processor(tokenizer, width=90, height=60, patch=10)
    text = {
        "model_type": "persimmon",
        "vocab_size": embedding_rows(tokenizer),
        "hidden_act": "relu2",
        "qk_layernorm": True,
        "partial_rotary_factor": 0.5,
        "max_position_embeddings": 1024,
        **layer_sizes(),
        **special_ids(tokenizer),
    }
    config = FuyuConfig(
        text_config=text,
        patch_size=10,
        image_size=60,
        image_token_id=token_id(tokenizer, "|SPEAKER|"),
        initializer_range=SPREAD,
        **special_ids(tokenizer),
    )
    # up to transformers 5.22 the config has a width of its own, which patches are projected to
    if hasattr(config, "hidden_size"):
        config.hidden_size = text["hidden_size"]
    return TinyCheckpoint(config=config, processor=processor, special_pieces=FUYU_PIECES)


TINY = {"fuyu": _fuyu}
