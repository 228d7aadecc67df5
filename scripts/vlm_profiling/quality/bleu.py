"""BLEU: the share of a caption's runs of one to four words that a reference holds too, over a whole corpus.

Papineni, Roukos, Ward, Zhu: BLEU: a Method for Automatic Evaluation of Machine Translation (ACL 2002), in the
form that COCO's evaluation computes (`pycocoevalcap.bleu`, option "closest"): counts clipped by the reference
that has most, and a brevity penalty against the reference nearest in length.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from vlm_profiling.quality.caption_words import LONGEST_RUN, word_runs
from vlm_profiling.record.sections import Interval

RESAMPLES = 2_000
SEED = 0

TINY, SMALL = 1e-15, 1e-9
"""Keep a corpus without a common run from dividing by zero, as in the original."""

Words = Sequence[str]


def bleu_counts(captions: Sequence[Words], references: Sequence[Sequence[Words]]) -> np.ndarray:
    """What BLEU adds up: a row a sample; its right and its possible runs of 1 to 4 words, its length, its
    reference's length.
    """
    return np.array(
        [_counts(words, sample) for words, sample in zip(captions, references, strict=True)], dtype=float
    )


def corpus_bleu(counts: np.ndarray) -> np.ndarray:
    """BLEU-4 of summed counts, shape (..., 10)."""
    right, possible = counts[..., :LONGEST_RUN], counts[..., LONGEST_RUN : 2 * LONGEST_RUN]
    precision = np.prod((right + TINY) / (possible + SMALL), axis=-1) ** (1 / LONGEST_RUN)
    ratio = (counts[..., -2] + TINY) / (counts[..., -1] + SMALL)
    return precision * np.exp(np.minimum(0.0, 1 - 1 / ratio))


def bleu_interval(counts: np.ndarray) -> Interval | None:
    """Corpus BLEU-4 with its 95 % percentile bootstrap interval: samples resampled whole, seeded. None for
    one sample.
    """
    samples = len(counts)
    if samples < 2:
        return None
    drawn = np.random.default_rng(SEED).multinomial(samples, np.full(samples, 1 / samples), size=RESAMPLES)
    low, high = np.percentile(corpus_bleu(drawn @ counts), (2.5, 97.5))
    return Interval(mean=float(corpus_bleu(counts.sum(axis=0))), low=float(low), high=float(high))


def _counts(words: Words, references: Sequence[Words]) -> list[int]:
    runs, allowed = word_runs(words), word_runs([])
    for reference in references:
        allowed |= word_runs(reference)
    right = [0] * LONGEST_RUN
    for run, count in (runs & allowed).items():
        right[len(run) - 1] += count
    possible = [max(0, len(words) - length) for length in range(LONGEST_RUN)]
    nearest = min((abs(len(reference) - len(words)), len(reference)) for reference in references)[1]
    return [*right, *possible, len(words), nearest]
