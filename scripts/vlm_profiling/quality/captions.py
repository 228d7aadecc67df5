"""Metrics of captions: CIDEr-D, BLEU-4 and ROUGE-L, in the form that COCO's evaluation computes them.

- CIDEr-D (Vedantam, Zitnick, Parikh: CIDEr: Consensus-based Image Description Evaluation, CVPR 2015;
  `pycocoevalcap.cider`): runs of one to four words, weighted by how few samples' references hold them,
  clipped, with a Gaussian penalty (sigma 6) on the difference of lengths. About 0 to 10, usually printed
  x 100.
- BLEU-4 (Papineni, Roukos, Ward, Zhu: BLEU: a Method for Automatic Evaluation of Machine Translation, ACL
  2002; `pycocoevalcap.bleu`, option "closest"): the share of a caption's runs of one to four words that a
  reference holds too, over a whole corpus; counts clipped by the reference that has most, and a brevity
  penalty against the reference nearest in length.
- ROUGE-L (Lin: ROUGE: a Package for Automatic Evaluation of Summaries, 2004; `pycocoevalcap.rouge`): the
  longest sequence of words that a caption and a reference share in order, gaps allowed; the best precision
  and the best recall over the references, joined with beta 1.2.

All are defined on the tokens of Stanford's PTB tokenizer (a Java program), lower case and without punctuation
(Chen et al., Microsoft COCO Captions, 2015). `caption_words` follows its rules for what people and models
write in captions; benchmarks/quality_reference.py counts where the two differ.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from vlm_profiling.record.sections import Interval
from vlm_profiling.statistics.intervals import sums_interval

Words = Sequence[str]

LONGEST_RUN = 4
"""Words of the longest run compared."""

BLEU_TINY, BLEU_SMALL = 1e-15, 1e-9
"""Keep a corpus without a common run from dividing by zero, as in the original."""
ROUGE_BETA = 1.2
"""Weight of recall against precision."""
CIDER_SIGMA = 6.0
"""Words: standard deviation of the penalty on the difference of lengths."""
CIDER_SCALE = 10.0

_REMOVED = {"''", "'", "``", "`", ".", "?", "!", ",", ":", "-", "--", "...", ";", '"'}
"""Punctuation that the COCO evaluation removes. Brackets stay: it looks for them in capitals, after
lower-casing.
"""

_BRACKETS = {"(": "-lrb-", ")": "-rrb-", "[": "-lsb-", "]": "-rsb-", "{": "-lcb-", "}": "-rcb-"}

_SAME_CHARACTER = str.maketrans(
    {"‘": "'", "’": "'", "“": '"', "”": '"', "–": "--", "—": "--", "…": "...", "\n": " "}
)

_TWO_WORDS = {
    "cannot": "can not",
    "gonna": "gon na",
    "gotta": "got ta",
    "wanna": "wan na",
    "gimme": "gim me",
    "lemme": "lem me",
    "'tis": "'t is",
    "'twas": "'t was",
}

_TWO_WORDS_PATTERN = re.compile(rf"(?<![\w'])({'|'.join(_TWO_WORDS)})(?!\w)")
_NOT = re.compile(r"(?<=\w)n't(?!\w)")

_ABBREVIATIONS = "mr mrs ms dr st vs jr sr ave blvd rd prof gen rev mt etc inc co ltd corp dept"

_TOKEN = re.compile(
    rf"""
      https?://\S+ | www\.\S+ | [\w.+-]+@[\w-]+(?:\.[\w-]+)+                  # addresses
    | [@#][^\W\d]\w*                                                          # @names and #tags
    | \b(?:{"|".join(_ABBREVIATIONS.split())})\.                              # abbreviations with period
    | \bno\.(?=\s*\d) | \b(?:[^\W\d_]\.){{2,}}                                # no. 5, u.s.
    | n't(?!\w) | 't(?=\s(?:is|was)\b) | '(?:s|m|d|re|ve|ll)(?!\w) | o'\w+  # contractions, o'clock
    | '\d0s\b | '(?:n|em)\b'?                                                 # '80s, rock 'n' roll
    | \w+(?:(?:[-./]|(?<=\d)[,:](?=\d))\w+)*                                  # t-shirt, 3.5, 3:15
    | \.{{2,}} | -{{2,}} | [?!]+ | \S                                         # everything else by itself
    """,
    re.VERBOSE,
)


def caption_words(text: str) -> list[str]:
    """The words of a caption: lower case, contractions in two ("does", "n't"), punctuation removed."""
    text = text.translate(_SAME_CHARACTER).lower()
    text = _TWO_WORDS_PATTERN.sub(lambda match: _TWO_WORDS[match[1]], text)
    text = _NOT.sub(" n't", text)
    found = (re.sub(r"^(\.{2,})$", "...", re.sub(r"^-{2,}$", "--", token)) for token in _TOKEN.findall(text))
    return [_BRACKETS.get(token, token) for token in found if token not in _REMOVED]


def word_runs(words: Sequence[str]) -> Counter[tuple[str, ...]]:
    """How often each run of one to four words stands in a caption."""
    return Counter(
        tuple(words[start : start + length])
        for length in range(1, LONGEST_RUN + 1)
        for start in range(len(words) - length + 1)
    )


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
        caption = _weighted(word_runs(words), frequencies, samples)
        alike = sum(_similarity(caption, _weighted(runs, frequencies, samples)) for runs in sample)
        scores.append(CIDER_SCALE * alike / len(sample))
    return scores


def bleu_counts(captions: Sequence[Words], references: Sequence[Sequence[Words]]) -> np.ndarray:
    """The counts that BLEU adds up, of shape (samples, 10): matching and possible runs of 1 to 4 words, the
    caption's length, the length of its nearest reference.
    """
    return np.array(
        [_counts(words, sample) for words, sample in zip(captions, references, strict=True)], dtype=float
    )


def corpus_bleu(counts: np.ndarray) -> np.ndarray:
    """BLEU-4 of summed counts, shape (..., 10)."""
    right, possible = counts[..., :LONGEST_RUN], counts[..., LONGEST_RUN : 2 * LONGEST_RUN]
    precision = np.prod((right + BLEU_TINY) / (possible + BLEU_SMALL), axis=-1) ** (1 / LONGEST_RUN)
    ratio = (counts[..., -2] + BLEU_TINY) / (counts[..., -1] + BLEU_SMALL)
    return precision * np.exp(np.minimum(0.0, 1 - 1 / ratio))


def bleu_interval(counts: np.ndarray) -> Interval | None:
    """Corpus BLEU-4 with its 95 % bootstrap interval over samples; None for one sample."""
    return sums_interval(counts, corpus_bleu)


def rouge_l(words: Sequence[str], references: Sequence[Sequence[str]]) -> float:
    """One caption's score, 0 to 1. Raises ValueError without references."""
    if not references:
        raise ValueError("a sample has no reference caption")
    common = [common_length(words, reference) for reference in references]
    precision = max(common) / max(1, len(words))
    recall = max(
        shared / max(1, len(reference)) for shared, reference in zip(common, references, strict=True)
    )
    if not common or max(common) == 0:
        return 0.0
    return (1 + ROUGE_BETA**2) * precision * recall / (recall + ROUGE_BETA**2 * precision)


def common_length(first: Sequence[str], second: Sequence[str]) -> int:
    """The length of the longest common subsequence. Time grows with the product of both lengths."""
    above = [0] * (len(second) + 1)
    for word in first:
        row = [0]
        for place, other in enumerate(second):
            row.append(above[place] + 1 if word == other else max(row[place], above[place + 1]))
        above = row
    return above[-1]


@dataclass(frozen=True)
class _WeightedRuns:
    """A caption's runs of words by length, each with its weight (tf-idf), and the norm of each length's
    weights.
    """

    weights: list[dict[tuple[str, ...], float]]
    norms: list[float]
    length: int
    """Runs of two words: the length that the penalty compares, in the original too."""


def _weighted(
    runs: Mapping[tuple[str, ...], int], frequencies: Mapping[tuple[str, ...], int], samples: float
) -> _WeightedRuns:
    weights: list[dict[tuple[str, ...], float]] = [{} for _ in range(LONGEST_RUN)]
    for run, count in runs.items():
        weights[len(run) - 1][run] = count * (samples - math.log(max(1, frequencies.get(run, 0))))
    norms = [math.sqrt(sum(weight**2 for weight in of_length.values())) for of_length in weights]
    return _WeightedRuns(weights, norms, sum(count for run, count in runs.items() if len(run) == 2))


def _similarity(caption: _WeightedRuns, reference: _WeightedRuns) -> float:
    """The mean over lengths of the clipped cosine between two captions, times the penalty."""
    cosines = 0.0
    for own, other, norms in zip(
        caption.weights, reference.weights, zip(caption.norms, reference.norms, strict=True), strict=True
    ):
        product = sum(min(weight, other[run]) * other[run] for run, weight in own.items() if run in other)
        if all(norms):
            cosines += product / math.prod(norms)
    return (
        cosines / LONGEST_RUN * math.exp(-((caption.length - reference.length) ** 2) / (2 * CIDER_SIGMA**2))
    )


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
