"""The words of a caption, and its runs of words: what CIDEr-D, BLEU and ROUGE-L compare.

Scores of captions are defined on the tokens of Stanford's PTB tokenizer (a Java program), lower case and
without punctuation, as in the COCO caption evaluation (Chen et al., Microsoft COCO Captions, 2015;
`pycocoevalcap`). `caption_words` follows its rules for what people and models write in captions;
benchmarks/quality_reference.py counts where the two part.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

LONGEST_RUN = 4

_REMOVED = {"''", "'", "``", "`", ".", "?", "!", ",", ":", "-", "--", "...", ";", '"'}
"""Punctuation that the COCO evaluation removes. Brackets stay: it looks for them in capitals, after
lower-casing.
"""

_BRACKETS = {"(": "-lrb-", ")": "-rrb-", "[": "-lsb-", "]": "-rsb-", "{": "-lcb-", "}": "-rcb-"}

_ALIKE = str.maketrans({"‘": "'", "’": "'", "“": '"', "”": '"', "–": "--", "—": "--", "…": "...", "\n": " "})

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

_APART = re.compile(rf"(?<![\w'])({'|'.join(_TWO_WORDS)})(?!\w)")
_NOT = re.compile(r"(?<=\w)n't(?!\w)")

_ABBREVIATIONS = "mr mrs ms dr st vs jr sr ave blvd rd prof gen rev mt etc inc co ltd corp dept"

_TOKEN = re.compile(
    rf"""
      https?://\S+ | www\.\S+ | [\w.+-]+@[\w-]+(?:\.[\w-]+)+                  # addresses
    | [@#][^\W\d]\w*                                                          # @names and #tags
    | \b(?:{"|".join(_ABBREVIATIONS.split())})\.                              # abbreviations keep their period
    | \bno\.(?=\s*\d) | \b(?:[^\W\d_]\.){{2,}}                                # no. 5, u.s.
    | n't(?!\w) | 't(?=\s(?:is|was)\b) | '(?:s|m|d|re|ve|ll)(?!\w) | o'\w+    # contractions, o'clock
    | '\d0s\b | '(?:n|em)\b'?                                                 # '80s, rock 'n' roll
    | \w+(?:(?:[-./]|(?<=\d)[,:](?=\d))\w+)*                                  # words with what joins them: t-shirt, 3.5, 3:15
    | \.{{2,}} | -{{2,}} | [?!]+ | \S                                         # everything else by itself
    """,
    re.VERBOSE,
)


def caption_words(text: str) -> list[str]:
    """The words of a caption: lower case, contractions in two ("does", "n't"), punctuation removed."""
    text = text.translate(_ALIKE).lower()
    text = _APART.sub(lambda match: _TWO_WORDS[match[1]], text)
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
