"""Word error rate by hand-counted examples."""

from __future__ import annotations

import pytest

from vlm_profiling.quality.wer import WordEdits, word_edits


@pytest.mark.parametrize(
    ("reference", "answer", "substitutions", "insertions", "deletions", "rate"),
    [
        ("a red ball", "a red ball", 0, 0, 0, 0.0),
        ("a red ball", "a blue ball", 1, 0, 0, 1 / 3),
        ("a red ball", "a ball", 0, 0, 1, 1 / 3),
        ("a red ball", "a big red ball", 0, 1, 0, 1 / 3),
        ("a red ball", "", 0, 0, 3, 1.0),
        ("yes", "yes it is a circle", 0, 4, 0, 4.0),
        ("yes", "Yes", 1, 0, 0, 1.0),
        ("yes", "yes.", 1, 0, 0, 1.0),
        ("  red   ball ", "red ball", 0, 0, 0, 0.0),
    ],
)
def test_edits_are_counted_as_by_hand(reference, answer, substitutions, insertions, deletions, rate):
    edits = word_edits(reference, answer)
    assert edits == WordEdits(len(reference.split()), substitutions, insertions, deletions)
    assert edits.rate == pytest.approx(rate)


@pytest.mark.parametrize("reference", ["", " ", "\n\t"])
def test_a_reference_without_words_has_no_rate(reference):
    with pytest.raises(ValueError, match="without words"):
        word_edits(reference, "two words")
