"""The figure that a data set's own benchmark publishes, beside word error rate: which one, its value, how
sure it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from vlm_profiling.quality.bleu import bleu_counts, bleu_interval, corpus_bleu
from vlm_profiling.quality.caption_words import caption_words
from vlm_profiling.quality.choice_accuracy import names_choice
from vlm_profiling.quality.cider import cider_d
from vlm_profiling.quality.rouge import rouge_l
from vlm_profiling.quality.vqa_accuracy import vqa_accuracy
from vlm_profiling.record.schema import Metric, Standard
from vlm_profiling.statistics.intervals import mean_interval

CAPTION_FIGURES = ("bleu_4", "bleu_4_interval", "rouge_l", "rouge_l_interval")
ONE_SAMPLE = "one sample has no interval"


@dataclass(frozen=True)
class Judged:
    """What a standard metric says of answers."""

    samples: list[float | None]
    """Each sample's own score."""
    figures: dict[str, Any] = field(default_factory=dict)
    """Fields of `Quality`."""
    absent: dict[str, str] = field(default_factory=dict)


def judge(metric: Metric | None, answers: Sequence[str], references: Sequence[Sequence[str]]) -> Judged:
    """Answers by a data set's standard metric, captions by BLEU-4 and ROUGE-L too; each sample has one
    reference or more.
    """
    captions_only: dict[str, str] = dict.fromkeys(CAPTION_FIGURES, "a figure of captions")
    if metric is None:
        return _nothing(answers, captions_only | {"standard": "the data set has no standard metric"})
    if metric == "cider_d":
        return _judge_captions(answers, references)
    pairs = zip(answers, references, strict=True)
    if metric == "choice_accuracy":
        return _judged(
            metric, [float(names_choice(answer, known[0])) for answer, known in pairs], {}, captions_only
        )
    if max(len(known) for known in references) == 1:
        reason = "VQA accuracy asks how many people agree: it needs several answers a sample"
        return _nothing(answers, captions_only | {"standard": reason})
    return _judged(metric, [vqa_accuracy(*pair) for pair in pairs], {}, captions_only)


def _judge_captions(answers: Sequence[str], references: Sequence[Sequence[str]]) -> Judged:
    if len(answers) == 1:
        reason = "CIDEr-D weighs words by how many samples use them: it needs two samples or more"
        return _nothing(answers, dict.fromkeys(("standard", *CAPTION_FIGURES), reason))
    said = [caption_words(answer) for answer in answers]
    known = [[caption_words(text) for text in texts if text.strip()] for texts in references]
    counts = bleu_counts(said, known)
    in_order = [rouge_l(*pair) for pair in zip(said, known, strict=True)]
    figures = {
        "bleu_4": float(corpus_bleu(counts.sum(axis=0))),
        "bleu_4_interval": bleu_interval(counts),
        "rouge_l": sum(in_order) / len(in_order),
        "rouge_l_interval": mean_interval(in_order),
    }
    return _judged("cider_d", cider_d(said, known), figures, {})


def _judged(metric: Metric, scores: list[float], figures: dict[str, Any], absent: dict[str, str]) -> Judged:
    interval = mean_interval(scores)
    standard = Standard(metric=metric, value=sum(scores) / len(scores), interval=interval)
    reasons = absent if interval else absent | {"standard_interval": ONE_SAMPLE}
    return Judged(list(scores), {"standard": standard, **figures}, reasons)


def _nothing(answers: Sequence[str], absent: dict[str, str]) -> Judged:
    return Judged([None] * len(answers), {}, absent)
