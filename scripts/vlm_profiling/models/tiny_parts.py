"""Sizes and settings that the tiny checkpoints of all families share (models/FAMILY/tiny.py)."""

from __future__ import annotations

from typing import Any

from transformers import PreTrainedTokenizerBase, T5Config

WIDTH, FEED_FORWARD, LAYERS, HEADS = 64, 128, 2, 4
SIDE, PATCH, QUERIES = 28, 14, 8
"""Pixels of an image's side and of a patch's side; queries of a Q-Former."""
SPREAD = 0.2
"""Standard deviation of the weights: far above a real initialisation, so that the answers of a random model
depend on the image.
"""


def layer_sizes() -> dict[str, Any]:
    """Sizes of a transformer by the names that most config classes use."""
    return {
        "hidden_size": WIDTH,
        "intermediate_size": FEED_FORWARD,
        "num_hidden_layers": LAYERS,
        "num_attention_heads": HEADS,
        "initializer_range": SPREAD,
    }


def t5_config(tokenizer: PreTrainedTokenizerBase) -> T5Config:
    """A T5 with a gated feed-forward layer and an output head of its own, as Flan-T5."""
    settings: dict[str, Any] = {"tie_word_embeddings": False, "decoder_start_token_id": 0}
    return T5Config(
        vocab_size=embedding_rows(tokenizer),
        d_model=WIDTH,
        d_kv=WIDTH // HEADS,
        d_ff=FEED_FORWARD,
        num_layers=LAYERS,
        num_decoder_layers=LAYERS,
        num_heads=HEADS,
        feed_forward_proj="gated-gelu",
        dropout_rate=0.0,
        pad_token_id=0,
        eos_token_id=1,
        **settings,
    )


def special_ids(tokenizer: PreTrainedTokenizerBase) -> dict[str, Any]:
    """Ids of the tokens that begin, end and pad a text, as settings of a config."""
    return {name: getattr(tokenizer, name) for name in ("bos_token_id", "eos_token_id", "pad_token_id")}


def token_id(tokenizer: PreTrainedTokenizerBase, token: str) -> int:
    """Id of a piece of the vocabulary."""
    return tokenizer.get_vocab()[token]


def embedding_rows(tokenizer: PreTrainedTokenizerBase) -> int:
    """Rows of the embedding: the tokenizer's size, rounded up as checkpoints on the hub have it."""
    return -(-len(tokenizer) // 64) * 64
