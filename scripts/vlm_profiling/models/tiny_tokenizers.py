"""Small tokenizers with the manners of the real ones: special tokens, prefixes, padding side, what encodes to
what.

Byte-level BPE, Metaspace BPE and word-level vocabularies are trained reproducibly by `tokenizers`; Unigram
and WordPiece training gives another vocabulary on each run, so the one Unigram vocabulary here is written
down.
"""

from __future__ import annotations

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

FUYU_PIECES = (
    *("<pad>", "<s>", "</s>", "<unk>", "<0x00>", "<0x01>", "<0x02>", "<0x03>", "<0x04>"),
    *("|ENDOFTEXT|", "|SPEAKER|", "|NEWLINE|"),
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


def bert_tokenizer() -> PreTrainedTokenizerFast:
    """A stand-in for the Q-Former's BERT tokenizer: lower-cased whole words between [CLS] and [SEP]."""
    tokenizer = Tokenizer(models.WordLevel(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    trainer = trainers.WordLevelTrainer(
        vocab_size=400, special_tokens=["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"], show_progress=False
    )
    tokenizer.train_from_iterator(SENTENCES, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        model_max_length=512,
        pad_token="[PAD]",
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        mask_token="[MASK]",
    )


def fuyu_tokenizer() -> PreTrainedTokenizerFast:
    """A stand-in for Fuyu's SentencePiece.

    FuyuProcessor drops the first token of the image placeholders, which with SentencePiece is the underscore
    of the dummy prefix. So the placeholders are ordinary pieces behind a prefix, not added tokens: else it
    would drop one of them.
    """
    underscore = "\N{LOWER ONE EIGHTH BLOCK}"
    words = sorted({underscore + word for sentence in SENTENCES for word in sentence.split()})
    letters = [underscore, "\n", *(chr(code) for code in range(33, 127))]
    pieces = [(piece, 0.0) for piece in FUYU_PIECES] + [(word, -5.0) for word in words]
    pieces += [(letter, -8.0) for letter in letters]
    tokenizer = Tokenizer(models.Unigram(pieces, unk_id=FUYU_PIECES.index("<unk>"), byte_fallback=False))
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.Prepend(underscore), normalizers.Replace(" ", underscore)]
    )
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace(underscore, " "), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        model_max_length=16384,
        padding_side="left",
        bos_token="|ENDOFTEXT|",
        eos_token="|ENDOFTEXT|",
        pad_token="<pad>",
        unk_token="<unk>",
    )
