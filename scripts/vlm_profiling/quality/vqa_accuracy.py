"""VQA accuracy: how far an answer agrees with those of ten people, as TextVQA and its benchmarks score it.

Antol et al., VQA: Visual Question Answering (ICCV 2015): an answer that three people or more gave is right,
one that fewer gave is so in part. Answers are made alike first, in the way of the EvalAI server (Singh et
al., Towards VQA Models That Can Read, CVPR 2019; `EvalAIAnswerProcessor` in MMF and lmms-eval), down to its
oddities, because published scores contain them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

ENOUGH = 3
"""People who must have given an answer for it to be wholly right."""

_NUMBER_WORDS = "zero one two three four five six seven eight nine ten"
NUMBERS = {word: str(number) for number, word in enumerate(_NUMBER_WORDS.split())} | {"none": "0"}
ARTICLES = {"a", "an", "the"}
MARKS = ';/[]"{}()=+\\_-><@`!'
"""Punctuation that is removed where it is next to a space anywhere in the text, and else becomes a space."""
PERIOD = re.compile(r"\.(?!\d)")
PERIODS_REMOVED = 32
"""The original hands `re.UNICODE`, which is 32, to `re.sub` as its count: further periods stay."""

_CONTRACTED = """
    ain't aren't can't could've couldn't couldn't've didn't doesn't don't hadn't hadn't've hasn't haven't
    he'd he'd've he's how'd how'll how's isn't it'd it'd've it'll ma'am mightn't mightn't've might've
    mustn't must've needn't not've o'clock oughtn't 'ow's'at shan't she'd've should've shouldn't
    shouldn't've somebody'd've somebody'll somebody's someone'd someone'd've someone'll someone's
    something'd something'd've something'll that's there'd there'd've there're there's they'd they'd've
    they'll they're they've 'twas wasn't we'd've we've weren't what'll what're what's what've when's where'd
    where's where've who'd who'd've who'll who's who've why'll why're why's won't would've wouldn't
    wouldn't've y'all y'all'll y'all'd've you'd you'd've you'll you're you've
"""


def _missing_one_apostrophe(word: str) -> Iterator[str]:
    return (word[:place] + word[place + 1 :] for place, letter in enumerate(word) if letter == "'")


CONTRACTIONS = {wrong: word for word in _CONTRACTED.split() for wrong in _missing_one_apostrophe(word)} | {
    "somebody'd": "somebodyd"
}
"""Contractions that lack an apostrophe, and one that the original strips of it."""


def normalise_answer(text: str) -> str:
    """The text as answers are compared: lower case, digits for number words, no articles, most punctuation
    gone.
    """
    text = text.lower().replace(",", "").replace("?", "").replace("'s", " 's").strip()
    text = text.replace("\n", " ").replace("\t", " ").strip()
    text = text.translate(
        {ord(mark): "" if f"{mark} " in text or f" {mark}" in text else " " for mark in MARKS}
    )
    text = PERIOD.sub("", text, count=PERIODS_REMOVED)
    words = (NUMBERS.get(word, word) for word in text.split())
    return " ".join(CONTRACTIONS.get(word, word) for word in words if word not in ARTICLES)


def vqa_accuracy(answer: str, references: Sequence[str]) -> float:
    """min(people who said so / 3, 1), averaged over leaving each person out in turn: of ten, 0, 0.3, 0.6, 0.9
    or 1.

    A single reference has nobody left to agree with, and makes any answer wrong. Raises ValueError without a
    reference.
    """
    if not references:
        raise ValueError("without a reference there is no VQA accuracy")
    said = normalise_answer(answer)
    agree = sum(normalise_answer(reference) == said for reference in references)
    without_one_of_them = agree * min(1.0, (agree - 1) / ENOUGH)
    without_another = (len(references) - agree) * min(1.0, agree / ENOUGH)
    return (without_one_of_them + without_another) / len(references)
