"""Metrics of answers: their quality, and their changes against a reference optimization."""

from __future__ import annotations

from dataclasses import replace

from vlm_profiling.metrics.estimate import TIMES_HUNDRED
from vlm_profiling.metrics.metric import Columns, Metric, interval_columns


def _score(column: str) -> Columns:
    return replace(interval_columns(column), n="scored", absent="quality_absent", absent_key=column)


def _standard(metric: str) -> Columns:
    """The data set's standard metric where that is this one."""
    return Columns(
        "standard_value",
        low="standard_interval_low",
        high="standard_interval_high",
        n="scored",
        absent="quality_absent",
        absent_key="standard",
        only=("standard_metric", metric),
    )


def _change(stem: str, unasked: str = "no reason recorded") -> Columns:
    """Of the table of drift."""
    ends = (f"{stem}_low", f"{stem}_high")
    return Columns(f"{stem}_mean", *ends, n="common", absent="drift_absent", absent_key=stem, unasked=unasked)


ANSWERS = (
    Metric(
        "wer",
        "Word error rate",
        "1",
        _score("wer"),
        "word edits to the first reference over its words, all samples together, text as it is",
        "quality",
        kind="quality",
        better="lower",
    ),
    Metric(
        "wer_normalised",
        "Word error rate, normalised",
        "1",
        _score("wer_normalised"),
        "word error rate after lower-casing and removing punctuation",
        "quality",
        kind="quality",
        better="lower",
    ),
    Metric(
        "exact_match",
        "Exact match",
        "1",
        _score("exact_match"),
        "share of answers equal to a reference after lower-casing and removing punctuation",
        "quality",
        kind="quality",
        better="higher",
    ),
    Metric(
        "vqa_accuracy",
        "VQA accuracy",
        "1",
        _standard("vqa_accuracy"),
        "agreement with ten people's answers, min(people who said so / 3, 1), after VQA's normalisation; "
        "mean",
        "quality",
        kind="quality",
        better="higher",
        mlperf="accuracy (each task has its own)",
    ),
    Metric(
        "choice_accuracy",
        "Multiple-choice accuracy",
        "1",
        _standard("choice_accuracy"),
        "share of answers that name the right choice",
        "quality",
        kind="quality",
        better="higher",
        mlperf="accuracy (each task has its own)",
    ),
    Metric(
        "cider_d",
        "CIDEr-D",
        "1",
        _standard("cider_d"),
        "similarity to the references by TF-IDF weighted n-grams, 0 to 10, shown times 100",
        "quality",
        kind="quality",
        better="higher",
        shown_in=(TIMES_HUNDRED,),
        mlperf="accuracy (each task has its own)",
    ),
    Metric(
        "bleu_4",
        "BLEU-4",
        "1",
        _score("bleu_4"),
        "precision of n-grams up to four words against the references, with brevity penalty",
        "quality",
        kind="quality",
        better="higher",
    ),
    Metric(
        "rouge_l",
        "ROUGE-L",
        "1",
        _score("rouge_l"),
        "longest common subsequence with the best reference, F-measure; mean",
        "quality",
        kind="quality",
        better="higher",
    ),
    Metric(
        "answers_changed",
        "Answers changed",
        "1",
        _change("changed_share"),
        "share of the answers whose text differs from that of the reference optimization to the same sample",
        "drift",
        table="drift",
        kind="quality",
        better="lower",
    ),
    Metric(
        "words_in_common",
        "Words in common",
        "words",
        Columns("words_in_common", unasked="no answer changed"),
        "words before the first difference: median over the answers that changed",
        "drift",
        table="drift",
        kind="quality",
        better="higher",
    ),
    Metric(
        "wer_change",
        "Word error rate, change",
        "1",
        _change("wer_change"),
        "word error rate minus that of the reference optimization, sample by sample",
        "drift",
        table="drift",
        kind="quality",
        better="lower",
    ),
    Metric(
        "exact_match_change",
        "Exact match, change",
        "1",
        _change("exact_match_change"),
        "share of exact matches minus that of the reference optimization, sample by sample",
        "drift",
        table="drift",
        kind="quality",
        better="higher",
    ),
    Metric(
        "standard_change",
        "The data set's own metric, change",
        "1",
        _change("standard_change"),
        "the data set's own metric minus that of the reference optimization, sample by sample",
        "drift",
        table="drift",
        kind="quality",
        better="higher",
    ),
)
