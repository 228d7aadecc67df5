"""CIDEr-D: how alike a caption is to what people wrote, weighing runs of words by how telling they are.

Vedantam, Zitnick, Parikh: CIDEr: Consensus-based Image Description Evaluation (CVPR 2015), in the form that
COCO's evaluation computes (`pycocoevalcap.cider`): n-grams of one to four words, weights from the references
of the very samples measured, clipping, and a Gaussian penalty (sigma 6) on the difference of lengths. A score
is about 0 to 10, usually printed x 100.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from vlm_profiling.quality.caption_words import LONGEST_RUN, word_runs

SIGMA = 6.0
SCALE = 10.0

Words = Sequence[str]


@dataclass(frozen=True)
class _Weighed:
    """A caption's runs of words by length, each with its weight (tf-idf), and the norm of each length's
    weights.
    """

    weights: list[dict[tuple[str, ...], float]]
    norms: list[float]
    length: int
    """Runs of two words: the length that the penalty compares, in the original too."""


def cider_d(captions: Sequence[Words], references: Sequence[Sequence[Words]]) -> list[float]:
    """Each caption's score against its references; the corpus's score is the mean.

    Document frequencies are those of the references given here, so a score belongs to this very set of
    samples. Raises ValueError for fewer than two samples, where every weight would be zero, and for a sample
    without references.
    """
    if len(captions) < 2:
        raise ValueError("CIDEr-D weighs words by how many samples use them, and needs two samples or more")
    if not all(references):
        raise ValueError("a sample has no reference caption")
    counted = [[word_runs(words) for words in sample] for sample in references]
    frequencies = Counter(run for sample in counted for run in set().union(*sample))
    samples = math.log(len(captions))
    scores = []
    for words, sample in zip(captions, counted, strict=True):
        caption = _weigh(word_runs(words), frequencies, samples)
        alike = sum(_alike(caption, _weigh(runs, frequencies, samples)) for runs in sample)
        scores.append(SCALE * alike / len(sample))
    return scores


def _weigh(
    runs: Mapping[tuple[str, ...], int], frequencies: Mapping[tuple[str, ...], int], samples: float
) -> _Weighed:
    weights: list[dict[tuple[str, ...], float]] = [{} for _ in range(LONGEST_RUN)]
    for run, count in runs.items():
        weights[len(run) - 1][run] = count * (samples - math.log(max(1, frequencies.get(run, 0))))
    norms = [math.sqrt(sum(weight**2 for weight in of_length.values())) for of_length in weights]
    return _Weighed(weights, norms, sum(count for run, count in runs.items() if len(run) == 2))


def _alike(caption: _Weighed, reference: _Weighed) -> float:
    """The mean over lengths of the clipped cosine between two captions, times the penalty."""
    cosines = 0.0
    for own, other, norms in zip(
        caption.weights, reference.weights, zip(caption.norms, reference.norms, strict=True), strict=True
    ):
        product = sum(min(weight, other[run]) * other[run] for run, weight in own.items() if run in other)
        if all(norms):
            cosines += product / math.prod(norms)
    return cosines / LONGEST_RUN * math.exp(-((caption.length - reference.length) ** 2) / (2 * SIGMA**2))
