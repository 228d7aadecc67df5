"""The quality of a run: its answers against the references, with bootstrap intervals over samples."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np

from vlm_profiling.quality.exact_match import exact_match, normalise
from vlm_profiling.quality.wer import WordEdits, word_edits
from vlm_profiling.record.schema import Quality
from vlm_profiling.record.sections import Interval

RESAMPLES = 2_000
SEED = 0

SampleScore: TypeAlias = tuple[float | None, bool | None]
"""One sample's raw word error rate and exact match; null without a reference or with random weights."""

_FIGURES = (
    "wer",
    "wer_normalised",
    "wer_sample_mean",
    "wer_interval",
    "substitutions",
    "insertions",
    "deletions",
    "exact_match",
    "exact_match_interval",
)


def score(
    answers: Sequence[str], references: Sequence[Sequence[str]], *, random_weights: bool
) -> tuple[Quality, list[SampleScore]]:
    """The quality of all answers, and each sample's own (word error rate, exact match).

    `references` holds each sample's reference answers: word error rate is taken against the first, exact match against any. A
    sample whose first reference has no words is counted and left out. Raises ValueError when the lengths differ.
    """
    if len(answers) != len(references):
        raise ValueError(f"{len(answers)} answers for {len(references)} samples")
    if random_weights:
        return _nothing("the weights are random: answers mean nothing", 0), [(None, None)] * len(answers)
    scored = [number for number, known in enumerate(references) if known and known[0].split()]
    empty = len(answers) - len(scored)
    if not scored:
        return _nothing("no sample has a reference answer", empty), [(None, None)] * len(answers)
    edits = [word_edits(references[number][0], answers[number]) for number in scored]
    matches = [exact_match(answers[number], references[number]) for number in scored]
    samples: list[SampleScore] = [(None, None)] * len(answers)
    for number, edit, match in zip(scored, edits, matches, strict=True):
        samples[number] = edit.rate, match
    return _quality(edits, _normalised_edits(scored, answers, references), matches, empty), samples


def ratio_interval(numerators: Sequence[float], denominators: Sequence[float]) -> Interval | None:
    """sum(numerators) / sum(denominators) with its 95 % percentile bootstrap interval over samples; None for one sample.

    Samples are resampled whole, 2,000 times from a fixed seed (Efron and Tibshirani, An Introduction to the Bootstrap, 1993).
    """
    over, under = np.asarray(numerators, dtype=float), np.asarray(denominators, dtype=float)
    if len(over) < 2:
        return None
    random = np.random.default_rng(SEED)
    ratios = np.empty(RESAMPLES)
    for number in range(RESAMPLES):  # one resample at a time: all at once would hold RESAMPLES x samples numbers
        rows = random.integers(len(over), size=len(over))
        ratios[number] = over[rows].sum() / under[rows].sum()
    low, high = np.percentile(ratios, (2.5, 97.5))
    return Interval(mean=float(over.sum() / under.sum()), low=float(low), high=float(high))


def _quality(edits: list[WordEdits], normalised: list[WordEdits], matches: list[bool], empty: int) -> Quality:
    absent: dict[str, str] = {}
    if len(edits) == 1:
        absent |= dict.fromkeys(("wer_interval", "exact_match_interval"), "one sample has no interval")
    if not normalised:
        absent["wer_normalised"] = "no reference has words once punctuation is removed"
    return Quality(
        wer=_corpus_rate(edits),
        wer_normalised=_corpus_rate(normalised) if normalised else None,
        wer_sample_mean=sum(edit.rate for edit in edits) / len(edits),
        wer_interval=ratio_interval([edit.total for edit in edits], [edit.reference_words for edit in edits]),
        substitutions=sum(edit.substitutions for edit in edits),
        insertions=sum(edit.insertions for edit in edits),
        deletions=sum(edit.deletions for edit in edits),
        exact_match=sum(matches) / len(matches),
        exact_match_interval=ratio_interval(matches, [1] * len(matches)),
        scored=len(edits),
        empty_references=empty,
        absent=absent,
    )


def _normalised_edits(scored: list[int], answers: Sequence[str], references: Sequence[Sequence[str]]) -> list[WordEdits]:
    pairs = [(normalise(references[number][0]), normalise(answers[number])) for number in scored]
    return [word_edits(reference, answer) for reference, answer in pairs if reference]


def _corpus_rate(edits: list[WordEdits]) -> float:
    return sum(edit.total for edit in edits) / sum(edit.reference_words for edit in edits)


def _nothing(reason: str, empty: int) -> Quality:
    return Quality(empty_references=empty, absent=dict.fromkeys(_FIGURES, reason))
