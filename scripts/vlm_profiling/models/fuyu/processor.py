"""Fuyu's processor made from settings, and a tokenizer like its own."""

from __future__ import annotations

from typing import Any

from tokenizers import Tokenizer, decoders, models, normalizers
from transformers import (
    FuyuImageProcessorPil,
    FuyuProcessor,
    PreTrainedTokenizerBase,
    PreTrainedTokenizerFast,
)

from vlm_profiling.models.synthetic_tokenizers import SENTENCES

FUYU_PIECES = (
    *("<pad>", "<s>", "</s>", "<unk>", "<0x00>", "<0x01>", "<0x02>", "<0x03>", "<0x04>"),
    *("|ENDOFTEXT|", "|SPEAKER|", "|NEWLINE|"),
)
"""Pieces of the vocabulary that act as special tokens."""


def fuyu_processor(
    tokenizer: PreTrainedTokenizerBase, *, width: int, height: int, patch: int
) -> FuyuProcessor:
    """A processor that scales images down to fit width x height pixels and cuts them into square patches.

    Args:
        tokenizer: Of the decoder.
        width: Pixels of the widest image.
        height: Pixels of the highest image.
        patch: Pixels of a patch's side.
    """
    cut: Any = {"height": patch, "width": patch}
    image_processor = FuyuImageProcessorPil(size={"height": height, "width": width}, patch_size=cut)
    return FuyuProcessor(image_processor, tokenizer)


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
