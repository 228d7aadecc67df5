"""Exact match: whether an answer says one of the references, case, punctuation and spacing aside."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable


def normalise(text: str) -> str:
    """Lower case, without the characters that Unicode calls punctuation, words apart by one space."""
    kept = (character for character in text.lower() if not unicodedata.category(character).startswith("P"))
    return " ".join("".join(kept).split())


def exact_match(answer: str, references: Iterable[str]) -> bool:
    """Whether the answer equals any of the references, both normalised."""
    return _said(answer) in {_said(reference) for reference in references}


def _said(text: str) -> str:
    """Normalised; a text of nothing but punctuation says that punctuation: '&' is not '%'."""
    return normalise(text) or text.strip()
