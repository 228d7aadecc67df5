"""A user's text on its way into a prompt: nothing in it acts as a token, and it is cut by its own tokens."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from transformers import PreTrainedTokenizerBase

from vlm_profiling.checkpoints.errors import Unsupported


def plain_text(text: str, tokenizer: PreTrainedTokenizerBase, markers: Sequence[str] = ()) -> str:
    """The text with a blank put into whatever the tokenizer, or a processor's markers, would read as a special token.

    A question that holds "<image>" would else take the place of a picture.
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
        raise Unsupported(f"max_input_len needs a tokenizer that tells where its tokens lie; {type(tokenizer).__name__} does not")
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


@lru_cache
def _any_of(tokens: frozenset[str]) -> re.Pattern[str] | None:
    longest_first = sorted(tokens, key=lambda token: (-len(token), token))
    return re.compile("|".join(map(re.escape, longest_first))) if tokens else None
