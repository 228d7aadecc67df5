"""Word error rate: how many words must be substituted, inserted and deleted to turn the reference into the
answer.

Counted by jiwer. Its rate over many samples is the corpus's: all edits divided by all reference words, so
that it may exceed 1. Raw means words as they are split at spaces, case and punctuation included, as in the
reference study.
"""

from __future__ import annotations

from dataclasses import dataclass

import jiwer


@dataclass(frozen=True)
class WordEdits:
    """What turns one reference into one answer."""

    reference_words: int
    substitutions: int
    insertions: int
    deletions: int

    @property
    def total(self) -> int:
        """All edits."""
        return self.substitutions + self.insertions + self.deletions

    @property
    def rate(self) -> float:
        """Word error rate of this one sample."""
        return self.total / self.reference_words


def word_edits(reference: str, answer: str) -> WordEdits:
    """The edits of one sample; an empty answer deletes every word. Raises ValueError for a reference without
    words.

    jiwer itself would call the number of inserted words the rate of an empty reference.
    """
    if not reference.split():
        raise ValueError("a reference without words has no word error rate")
    output = jiwer.process_words(reference, answer)
    words = output.hits + output.substitutions + output.deletions
    return WordEdits(words, output.substitutions, output.insertions, output.deletions)
