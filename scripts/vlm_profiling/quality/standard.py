"""The standard metric of a data set: the one that its own benchmark publishes, with its interval."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from vlm_profiling.quality.captions import (
    bleu_counts,
    bleu_interval,
    caption_words,
    cider_d,
    corpus_bleu,
    rouge_l,
)
from vlm_profiling.quality.choice_accuracy import names_choice
from vlm_profiling.quality.vqa_accuracy import vqa_accuracy
from vlm_profiling.record.schema import Metric, Standard
from vlm_profiling.statistics.intervals import mean_interval

CAPTION_FIGURES = ("bleu_4", "bleu_4_interval", "rouge_l", "rouge_l_interval")
ONE_SAMPLE = "one sample has no interval"


@dataclass(frozen=True)
class StandardScores:
    """The scores of answers by a standard metric."""

    samples: list[float | None]
    """The score of each sample."""
    figures: dict[str, Any] = field(default_factory=dict)
    """Fields of `Quality`."""
    absent: dict[str, str] = field(default_factory=dict)


def score_standard(
    metric: Metric | None, answers: Sequence[str], references: Sequence[Sequence[str]]
) -> StandardScores:
    """The scores of answers by a data set's standard metric; of captions also BLEU-4 and ROUGE-L.

    Args:
        metric: The data set's standard metric; None where it has none.
        answers: One a sample.
        references: The reference answers of each sample, one or more.
    """
    captions_only: dict[str, str] = dict.fromkeys(CAPTION_FIGURES, "a metric of captions")
    if metric is None:
        return _nothing(answers, captions_only | {"standard": "the data set has no standard metric"})
    if metric == "cider_d":
        return _score_captions(answers, references)
    pairs = zip(answers, references, strict=True)
    if metric == "choice_accuracy":
        return _scores(
            metric, [float(names_choice(answer, known[0])) for answer, known in pairs], {}, captions_only
        )
    if max(len(known) for known in references) == 1:
        reason = "VQA accuracy asks how many people agree: it needs several answers a sample"
        return _nothing(answers, captions_only | {"standard": reason})
    return _scores(metric, [vqa_accuracy(*pair) for pair in pairs], {}, captions_only)


def _score_captions(answers: Sequence[str], references: Sequence[Sequence[str]]) -> StandardScores:
    if len(answers) == 1:
        reason = "CIDEr-D weighs words by how many samples use them: it needs two samples or more"
        return _nothing(answers, dict.fromkeys(("standard", *CAPTION_FIGURES), reason))
    answer_words = [caption_words(answer) for answer in answers]
    reference_words = [[caption_words(text) for text in texts if text.strip()] for texts in references]
    counts = bleu_counts(answer_words, reference_words)
    in_order = [rouge_l(*pair) for pair in zip(answer_words, reference_words, strict=True)]
    figures = {
        "bleu_4": float(corpus_bleu(counts.sum(axis=0))),
        "bleu_4_interval": bleu_interval(counts),
        "rouge_l": sum(in_order) / len(in_order),
        "rouge_l_interval": mean_interval(in_order),
    }
    return _scores("cider_d", cider_d(answer_words, reference_words), figures, {})


def _scores(
    metric: Metric, scores: list[float], figures: dict[str, Any], absent: dict[str, str]
) -> StandardScores:
    interval = mean_interval(scores)
    standard = Standard(metric=metric, value=sum(scores) / len(scores), interval=interval)
    reasons = absent if interval else absent | {"standard_interval": ONE_SAMPLE}
    return StandardScores(list(scores), {"standard": standard, **figures}, reasons)


def _nothing(answers: Sequence[str], absent: dict[str, str]) -> StandardScores:
    return StandardScores([None] * len(answers), {}, absent)
