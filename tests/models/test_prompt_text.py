"""A user's text stays text: nothing in it acts as a token, and truncation cuts nothing else."""

from __future__ import annotations

import pytest
from transformers import PreTrainedTokenizerFast

from vlm_profiling.models.errors import Unsupported
from vlm_profiling.models.fuyu.processor import fuyu_tokenizer
from vlm_profiling.models.prompt_text import lengthen, plain_text, shorten
from vlm_profiling.models.synthetic_tokenizers import byte_level_tokenizer, t5_tokenizer


@pytest.fixture(scope="module")
def tokenizer() -> PreTrainedTokenizerFast:
    return byte_level_tokenizer(
        ["<s>", "</s>", "<image>"], vocabulary=400, template="<s> $A", bos_token="<s>", eos_token="</s>"
    )


def test_ordinary_text_is_left_as_it_is(tokenizer: PreTrainedTokenizerFast) -> None:
    assert plain_text("is 3 < 4 > 2?  <imag e> </ s>", tokenizer) == "is 3 < 4 > 2?  <imag e> </ s>"


@pytest.mark.parametrize(
    "text", ["a <image> b</s>", "<<image>>", "<im<image>age>", "<image><image>", "|ROW|"]
)
def test_no_special_token_or_marker_survives(tokenizer: PreTrainedTokenizerFast, text: str) -> None:
    plain = plain_text(text, tokenizer, ["|ROW|"])
    ids = tokenizer(plain, add_special_tokens=False)["input_ids"]
    assert not set(ids) & set(tokenizer.added_tokens_decoder)
    assert "|ROW|" not in plain
    assert plain.replace(" ", "") == text.replace(" ", "")


def test_a_short_text_is_not_cut(tokenizer: PreTrainedTokenizerFast) -> None:
    assert shorten("a small dog", tokenizer, None) == ("a small dog", 0)
    assert shorten("a small dog", tokenizer, 11) == ("a small dog", 0)


@pytest.mark.parametrize("limit", [1, 2, 5])
@pytest.mark.parametrize("make", [lambda: byte_level_tokenizer(["<s>"], vocabulary=400), t5_tokenizer])
def test_a_long_text_keeps_exactly_its_first_tokens(make, limit: int) -> None:
    tokenizer = make()
    text = "which number does the runner in front wear? and why?"
    count = len(tokenizer(text, add_special_tokens=False)["input_ids"])
    kept, cut = shorten(text, tokenizer, limit)
    assert text.startswith(kept)
    assert len(tokenizer(kept, add_special_tokens=False)["input_ids"]) == limit == count - cut


def test_a_character_of_several_tokens_is_kept_or_cut_as_a_whole(tokenizer: PreTrainedTokenizerFast) -> None:
    assert len(tokenizer("€", add_special_tokens=False)["input_ids"]) == 3
    assert shorten("€€", tokenizer, 5) == ("€", 3)
    assert shorten("€", tokenizer, 2) == ("", 3)


@pytest.mark.parametrize("length", [2, 7, 11, 40, 301])
@pytest.mark.parametrize("text", ["which number does the runner in front wear?", "42 €, naïvely", "", "€"])
@pytest.mark.parametrize(
    "make", [lambda: byte_level_tokenizer(["<s>"], vocabulary=400), t5_tokenizer, fuyu_tokenizer]
)
def test_every_text_is_brought_to_exactly_the_length_asked(make, text: str, length: int) -> None:
    tokenizer = make()
    count = len(tokenizer(text, add_special_tokens=False)["input_ids"])
    brought, added = lengthen(text, tokenizer, length)
    assert len(tokenizer(brought, add_special_tokens=False)["input_ids"]) == length == count + added


def test_a_longer_text_says_the_question_again(tokenizer: PreTrainedTokenizerFast) -> None:
    assert lengthen("a small dog", tokenizer, 11)[0].startswith("a small dog a")


def test_a_length_that_no_text_has_is_unsupported() -> None:
    with pytest.raises(Unsupported, match="prompt_len 1: no text of exactly so many tokens"):
        lengthen("€", fuyu_tokenizer(), 1)  # a text begins with the piece for a blank
