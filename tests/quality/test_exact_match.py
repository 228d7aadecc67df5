"""An answer matches when it says a reference, whatever its case, punctuation and spacing."""

from __future__ import annotations

import pytest

from vlm_profiling.quality.exact_match import exact_match, normalise


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("  A red,\n\tRED ball! ", "a red red ball"),
        ("«Größer»…", "größer"),
        ("don't", "dont"),
        ("$5 + 3%", "$5 + 3"),
        ("?!", ""),
    ],
)
def test_normalising_lowers_case_and_drops_punctuation(text, expected):
    assert normalise(text) == expected


@pytest.mark.parametrize(
    ("answer", "references", "matches"),
    [
        ("Yes.", ["yes"], True),
        ("yes", ["no", "YES"], True),
        ("yes it is", ["yes"], False),
        ("", ["yes"], False),
        ("&", ["%"], False),
        (" & ", ["&"], True),
        ("", ["?"], False),
    ],
)
def test_an_answer_matches_any_of_the_references(answer, references, matches):
    assert exact_match(answer, references) is matches
