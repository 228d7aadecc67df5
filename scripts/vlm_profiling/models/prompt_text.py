"""A user's text on its way into a prompt: nothing in it acts as a token, and it is cut by its own tokens."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from transformers import PreTrainedTokenizerBase

from vlm_profiling.models.errors import Unsupported

FILLERS = (" a", " the", ".", "!")
"""Texts that are a token of their own in most vocabularies: what a text cut inside a character is filled up
with.
"""


def plain_text(text: str, tokenizer: PreTrainedTokenizerBase, markers: Sequence[str] = ()) -> str:
    """The text with a blank put into whatever the tokenizer, or a processor's markers, would read as a
    special token.

    A question that holds "<image>" would else take the place of an image.
    """
    special = {token.content for token in tokenizer.added_tokens_decoder.values() if token.special}
    pattern = _any_of(frozenset(token for token in special | set(markers) if len(token.strip()) > 1))
    return pattern.sub(lambda found: f"{found[0][0]} {found[0][1:]}", text) if pattern else text


def shorten(text: str, tokenizer: PreTrainedTokenizerBase, limit: int | None) -> tuple[str, int]:
    """The beginning of a text that is at most `limit` tokens long, and how many tokens were cut.

    Cuts the text itself where a token ends, as decoding tokens need not give the same text again.
    Raises Unsupported for a tokenizer that does not tell where its tokens lie.
    """
    if limit is None:
        return text, 0
    if not tokenizer.is_fast:
        raise Unsupported(
            "max_input_len and prompt_len need a tokenizer that tells where its tokens lie; "
            f"{type(tokenizer).__name__} does not"
        )
    encoded = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
    total = len(encoded["input_ids"])
    if total <= limit:
        return text, 0
    for last in reversed(range(limit)):  # goes on only where the cut falls into a character of several tokens
        kept = text[: encoded["offset_mapping"][last][1]]
        length = len(tokenizer(kept, add_special_tokens=False)["input_ids"])
        if length <= limit:
            return kept, total - length
    return "", total


def lengthen(text: str, tokenizer: PreTrainedTokenizerBase, length: int) -> tuple[str, int]:
    """The text said again and again until it is exactly `length` tokens long, and how many tokens were added.

    A text that is longer is cut: fewer than none were added. Raises Unsupported where no text of that length
    was found.
    """
    own = _tokens(text, tokenizer)
    longer = text if own else FILLERS[0].strip()
    while _tokens(longer, tokenizer) < length:
        longer = f"{longer} {longer}"
    kept, _ = shorten(longer, tokenizer, length)
    candidates = (kept + filler * (length - _tokens(kept, tokenizer)) for filler in FILLERS)
    exact = next((candidate for candidate in candidates if _tokens(candidate, tokenizer) == length), None)
    if exact is None:
        raise Unsupported(f"prompt_len {length}: no text of exactly so many tokens was found for a sample")
    return exact, length - own


def _tokens(text: str, tokenizer: PreTrainedTokenizerBase) -> int:
    return len(tokenizer(text, add_special_tokens=False)["input_ids"])


@lru_cache
def _any_of(tokens: frozenset[str]) -> re.Pattern[str] | None:
    longest_first = sorted(tokens, key=lambda token: (-len(token), token))
    return re.compile("|".join(map(re.escape, longest_first))) if tokens else None
