"""ROUGE-L: the longest sequence of words that a caption and a reference share in order, gaps allowed.

Lin: ROUGE: a Package for Automatic Evaluation of Summaries (2004), in the form that COCO's evaluation
computes (`pycocoevalcap.rouge`): the best precision and the best recall over the references, joined with beta
1.2.
"""

from __future__ import annotations

from collections.abc import Sequence

BETA = 1.2


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
    return (1 + BETA**2) * precision * recall / (recall + BETA**2 * precision)


def common_length(first: Sequence[str], second: Sequence[str]) -> int:
    """Length of the longest common subsequence, in time and room proportional to the product of the lengths."""
    above = [0] * (len(second) + 1)
    for word in first:
        row = [0]
        for place, other in enumerate(second):
            row.append(above[place] + 1 if word == other else max(row[place], above[place + 1]))
        above = row
    return above[-1]
