"""The quality of a run: its answers against the references, with bootstrap intervals over samples."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from msgspec import structs

from vlm_profiling.quality.exact_match import exact_match, normalise
from vlm_profiling.quality.standard import ONE_SAMPLE, score_standard
from vlm_profiling.quality.wer import WordEdits, word_edits
from vlm_profiling.record.schema import Metric, Quality
from vlm_profiling.record.sections import Interval
from vlm_profiling.statistics.intervals import mean_interval, ratio_interval


class SampleScore(NamedTuple):
    """The quality of one sample; null without a reference or with random weights."""

    wer: float | None = None
    """Raw word error rate."""
    exact_match: bool | None = None
    standard: float | None = None
    """By the data set's standard metric; null also where it has none."""


_FIGURES = (
    "wer",
    "wer_normalised",
    "wer_normalised_interval",
    "wer_sample_mean",
    "wer_interval",
    "substitutions",
    "insertions",
    "deletions",
    "exact_match",
    "exact_match_interval",
    "standard",
    "bleu_4",
    "bleu_4_interval",
    "rouge_l",
    "rouge_l_interval",
)


def score(
    answers: Sequence[str],
    references: Sequence[Sequence[str]],
    *,
    random_weights: bool,
    metric: Metric | None = None,
) -> tuple[Quality, list[SampleScore]]:
    """The quality of all answers, and that of each sample.

    Args:
        answers: One a sample.
        references: The reference answers of each sample: word error rate is taken against the first, exact
            match against any, the standard metric against all. A sample whose first reference has no words is
            counted and left out.
        random_weights: Whether the weights are random, so that answers mean nothing.
        metric: The data set's standard metric; None where it has none.

    Raises:
        ValueError: There are not as many answers as samples.
    """
    if len(answers) != len(references):
        raise ValueError(f"{len(answers)} answers for {len(references)} samples")
    nothing = [SampleScore()] * len(answers)
    if random_weights:
        return _nothing("the weights are random: answers mean nothing", 0), nothing
    scored = [number for number, known in enumerate(references) if known and known[0].split()]
    empty = len(answers) - len(scored)
    if not scored:
        return _nothing("no sample has a reference answer", empty), nothing
    kept = [answers[number] for number in scored]
    known = [references[number] for number in scored]
    edits = [word_edits(texts[0], answer) for texts, answer in zip(known, kept, strict=True)]
    matches = [exact_match(answer, texts) for texts, answer in zip(known, kept, strict=True)]
    by_standard = score_standard(metric, kept, known)
    samples = list(nothing)
    for number, edit, match, standard in zip(scored, edits, matches, by_standard.samples, strict=True):
        samples[number] = SampleScore(edit.rate, match, standard)
    quality = _quality(edits, _normalised_edits(kept, known), matches, empty)
    return structs.replace(
        quality, **by_standard.figures, absent=quality.absent | by_standard.absent
    ), samples


def _quality(edits: list[WordEdits], normalised: list[WordEdits], matches: list[bool], empty: int) -> Quality:
    absent: dict[str, str] = {}
    if len(edits) == 1:
        absent |= dict.fromkeys(("wer_interval", "exact_match_interval"), ONE_SAMPLE)
    if not normalised:
        absent |= dict.fromkeys(
            ("wer_normalised", "wer_normalised_interval"),
            "no reference has words once punctuation is removed",
        )
    elif len(normalised) == 1:
        absent["wer_normalised_interval"] = ONE_SAMPLE
    return Quality(
        wer=_corpus_rate(edits),
        wer_normalised=_corpus_rate(normalised) if normalised else None,
        wer_sample_mean=sum(edit.rate for edit in edits) / len(edits),
        wer_interval=_corpus_interval(edits),
        wer_normalised_interval=_corpus_interval(normalised) if normalised else None,
        substitutions=sum(edit.substitutions for edit in edits),
        insertions=sum(edit.insertions for edit in edits),
        deletions=sum(edit.deletions for edit in edits),
        exact_match=sum(matches) / len(matches),
        exact_match_interval=mean_interval(matches),
        scored=len(edits),
        empty_references=empty,
        absent=absent,
    )


def _normalised_edits(answers: Sequence[str], references: Sequence[Sequence[str]]) -> list[WordEdits]:
    pairs = [
        (normalise(texts[0]), normalise(answer)) for texts, answer in zip(references, answers, strict=True)
    ]
    return [word_edits(reference, answer) for reference, answer in pairs if reference]


def _corpus_rate(edits: list[WordEdits]) -> float:
    return sum(edit.total for edit in edits) / sum(edit.reference_words for edit in edits)


def _corpus_interval(edits: list[WordEdits]) -> Interval | None:
    return ratio_interval([edit.total for edit in edits], [edit.reference_words for edit in edits])


def _nothing(reason: str, empty: int) -> Quality:
    return Quality(empty_references=empty, absent=dict.fromkeys(_FIGURES, reason))
