"""Markdown from untrusted text: names, prompts, answers and reasons never become markup, links or further
table cells.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Sequence

LONGEST = 240
"""Characters of a piece of text shown; the records hold all of it."""

_MARKUP = str.maketrans(
    {mark: f"\\{mark}" for mark in "\\`*_[]|~$"} | {"<": "&lt;", ">": "&gt;", "&": "&amp;"}
)
_AUTOLINK = re.compile(r"(?<=:)(?=//)|(?<=www)(?=\.)|(?<=@)(?=\w)", re.IGNORECASE)
_WORD_JOINER = "\u2060"


def escape_markdown(text: str, longest: int = LONGEST) -> str:
    """Text as a reader of rendered Markdown shall see it, for use within a line or a table cell.

    Line breaks become spaces, control and direction marks become U+FFFD, what is longer than `longest` is cut
    with a note of its length, and a word joiner keeps addresses from becoming links, which git hosts make of
    bare ones.
    """
    shown = text[:longest]
    shown = "".join(
        "\ufffd" if unicodedata.category(mark)[0] == "C" else mark for mark in " ".join(shown.split())
    )
    shown = _AUTOLINK.sub(_WORD_JOINER, shown).translate(_MARKUP)
    return shown if len(text) <= longest else f"{shown}… ({len(text):,} characters)"


def table(
    header: Sequence[str], rows: Sequence[Sequence[str]], text_columns: int | Collection[int] = 1
) -> str:
    """A Markdown table of cells that are already Markdown: the first columns, or those named, hold text;
    figures to the right.
    """
    texts = range(text_columns) if isinstance(text_columns, int) else text_columns
    alignment = [":--" if number in texts else "--:" for number in range(len(header))]
    return "\n".join(f"| {' | '.join(row)} |" for row in [header, alignment, *rows])
