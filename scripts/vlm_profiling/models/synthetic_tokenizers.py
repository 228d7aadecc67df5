"""Small tokenizers with the manners of the real ones: special tokens, prefixes, padding side, what encodes to
what.

Byte-level BPE, Metaspace BPE and word-level vocabularies are trained reproducibly by `tokenizers`; Unigram
and WordPiece training gives another vocabulary on each run, so the one Unigram vocabulary here is written
down.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from tokenizers import (
    AddedToken,
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    processors,
    trainers,
)
from transformers import PreTrainedTokenizerFast

SENTENCES = (
    "what is written on the sign above the door?",
    "which number does the runner in front wear?",
    "describe this image in one sentence.",
    "how many people are sitting at the table?",
    "a small dog sleeps on a blue chair near the window.",
    "two children fly a red kite over the beach.",
    "is there a bicycle leaning against the wall? yes or no",
    "which of these animals lives in water? choose one: a horse, a whale, a goat, an owl.",
    "the bus stops in front of the old station at night.",
    "what colour is the largest shape in the image?",
)


def byte_level_tokenizer(
    special_tokens: Sequence[str],
    *,
    vocabulary: int,
    template: str = "$A",
    corpus: Sequence[str] = SENTENCES,
    **names: Any,
) -> PreTrainedTokenizerFast:
    """A byte-level BPE: every text encodes and decodes to itself, without an unknown token.

    `template` says where special tokens go around a text ("<s> $A"); `names` are bos_token, eos_token and the
    like.
    """
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=[AddedToken(token, normalized=False, special=True) for token in special_tokens],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(corpus, trainer)
    around = [(token, tokenizer.token_to_id(token)) for token in special_tokens if token in template.split()]
    tokenizer.post_processor = processors.TemplateProcessing(single=template, special_tokens=around)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, model_max_length=2048, padding_side="left", **names
    )


def t5_tokenizer() -> PreTrainedTokenizerFast:
    """A stand-in for T5's SentencePiece: words begin with the underscore piece, the text ends with </s>."""
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>"))
    tokenizer.normalizer = normalizers.NFKC()
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        special_tokens=["<pad>", "</s>", "<unk>"],
        initial_alphabet=[chr(code) for code in range(33, 127)],
        show_progress=False,
    )
    tokenizer.train_from_iterator(SENTENCES, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        model_max_length=512,
        pad_token="<pad>",
        eos_token="</s>",
        unk_token="<unk>",
    )


def filled_vocabulary(tokenizer: PreTrainedTokenizerFast, size: int) -> PreTrainedTokenizerFast:
    """The tokenizer with a vocabulary of `size` pieces. Those added are such as no text holds."""
    state = json.loads(tokenizer.backend_tokenizer.to_str())
    vocabulary = state["model"]["vocab"]
    pieces = {f"\0{number}": number for number in range(len(vocabulary), size)}
    if isinstance(vocabulary, dict):
        vocabulary |= pieces
    else:  # Unigram: pieces with their log probabilities, in the order of their ids
        vocabulary += [[piece, -100.0] for piece in pieces]
    return PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer.from_str(json.dumps(state)),
        model_max_length=tokenizer.model_max_length,
        padding_side=tokenizer.padding_side,
        **tokenizer.special_tokens_map,
    )


def with_special_tokens(tokenizer: PreTrainedTokenizerFast, tokens: Sequence[str]) -> PreTrainedTokenizerFast:
    """The tokenizer with special tokens of the ids that follow, in this order."""
    added: list[Any] = [AddedToken(token, normalized=False, special=True) for token in tokens]
    tokenizer.add_tokens(added, special_tokens=True)
    return tokenizer
