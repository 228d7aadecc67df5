"""The content of a page, typed: tables, plots and prose.

Two renderers print it: `markdown.py` and `html.py`. A `str` in a cell, a column's title or a heading is
untrusted plain text, which both renderers escape; `Prose` and the text that `markdown.escape_markdown`
returns are Markdown.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from vlm_profiling.metrics.catalog import METRICS
from vlm_profiling.metrics.estimate import Entry, Estimate, Unit
from vlm_profiling.record.absent import Absent

NOTHING = "–"
"""Printed where a table has no value and the reason is given elsewhere on the page."""
LONGEST = 240
"""Characters of an untrusted text that a page prints; the records hold all of it."""
ONE = Unit("", 1.0)
"""The unit of a number without one."""
TAG_COLOURS = {
    "ok": "good",
    "pass": "good",
    "better": "good",
    "warn": "doubtful",
    "unsupported": "doubtful",
    "stale": "doubtful",
    "fail": "bad",
    "worse": "bad",
    "oom": "bad",
    "timeout": "bad",
    "error": "bad",
    "missing": "bad",
    "malformed": "bad",
    "foreign": "bad",
}
"""The colours of statuses, of audits' verdicts and of the verdicts of comparisons."""


@dataclass(frozen=True)
class Number:
    """An estimate, printed in a unit that the column's title names."""

    entry: Entry
    unit: Unit = ONE
    with_n: bool = False
    """Whether n is printed."""
    absent: Literal["dash", "status", "reason"] = "dash"
    """What is printed of an absent value: a dash, the status of its run if that ended without results, or the
    reason.
    """
    base: str = ""
    """Printed before the estimate with "^" when the estimate is an exponent: "batch" gives "batch^0.42"."""
    digits: str = ""
    """A format of the value; by default four significant digits."""

    @property
    def value_text(self) -> str:
        """The value without its interval. Only for an estimate."""
        assert isinstance(self.entry, Estimate), "an absent value has no text"
        scaled = self.entry.value / self.unit.size
        text = format(scaled, self.digits) if self.digits else significant(scaled)
        return f"{self.base}^{text}" if self.base else text

    @property
    def details(self) -> list[str]:
        """The interval, n and the verdict, as far as they are known and asked for."""
        if isinstance(self.entry, Absent):
            return []
        parts = []
        if self.entry.interval:
            low, high = (significant(bound / self.unit.size) for bound in self.entry.interval)
            parts.append(f"[{low}, {high}]")
        if self.with_n and self.entry.n is not None:
            parts.append(f"n = {self.entry.n}")
        if self.entry.verdict:
            parts.append(self.entry.verdict)
        return parts


@dataclass(frozen=True)
class Link:
    """A text that leads to an address relative to the page."""

    text: str
    address: str
    after: str = ""
    """Plain text after the link."""


@dataclass(frozen=True)
class Code:
    """A name as a program knows it."""

    text: str


@dataclass(frozen=True)
class Tag:
    """A status or a verdict in its colour, and a reason."""

    word: str
    reason: str = ""


@dataclass(frozen=True)
class Term:
    """The name of a row, with its definition: of a metric by its id, or in words."""

    title: str
    metric: str | None = None
    about: str = ""
    strong: bool = False
    """Whether the row is a sum or the whole of the rows above it."""

    @property
    def definition(self) -> str:
        """What the row holds; empty where its title says it."""
        return definition(self.metric, self.about)


@dataclass(frozen=True)
class Thumbnail:
    """A small image at an address relative to the page."""

    address: str
    title: str


@dataclass(frozen=True)
class Inline:
    """Cells printed one after the other, in one cell."""

    parts: Sequence[Cell]


@dataclass(frozen=True)
class Lines:
    """Texts below each other in one cell."""

    lines: Sequence[str]


@dataclass(frozen=True)
class Prose:
    """Paragraphs and lists, or the inside of a cell, in Markdown of our own making.

    Untrusted text in it is escaped by its author.
    """

    text: str
    note: bool = False
    """Whether it explains the table above it."""


Cell: TypeAlias = str | Number | Link | Code | Tag | Term | Thumbnail | Inline | Lines | Prose


@dataclass(frozen=True)
class Column:
    """The head of a column. Its definition comes by the metric's id, or in words where it is no metric."""

    title: str
    metric: str | None = None
    about: str = ""
    text: bool = False
    """Whether its cells are text, aligned to the left; else they are numbers, aligned to the right."""

    @property
    def definition(self) -> str:
        """What the column holds; empty where its title says it."""
        return definition(self.metric, self.about)


@dataclass(frozen=True)
class Table:
    """Columns, and the rows' cells in the columns' order."""

    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]
    sortable: bool = True
    """Whether a reader may change the order of the rows: not where it means something."""
    filter_from: int = 8
    """Rows from which on the HTML page offers a filter."""


@dataclass(frozen=True)
class Heading:
    """The title of a section."""

    text: str
    level: int = 2
    address: str = ""
    """Of the page that the heading leads to, if any."""


@dataclass(frozen=True)
class Plot:
    """A chart at an address relative to the page."""

    title: str
    address: str


@dataclass(frozen=True)
class Tile:
    """A count at the top of an HTML page."""

    words: str
    count: int
    colour: str = ""
    """good, doubtful or bad; empty: neither."""
    section: str = ""
    """The heading of the section with details, if any."""


@dataclass(frozen=True)
class Tiles:
    """Counts: tiles in HTML, a sentence in Markdown."""

    tiles: Sequence[Tile]
    sentence: str


Block: TypeAlias = Heading | Prose | Table | Plot | Tiles


@dataclass(frozen=True)
class Page:
    """A page: its title and its blocks in order."""

    title: str
    blocks: Sequence[Block] = field(default_factory=list)
    name: str = ""
    """What links in the menu call it; the title by default."""

    @property
    def menu_name(self) -> str:
        """What links in the menu call the page."""
        return self.name or self.title


def definition(metric: str | None, about: str = "") -> str:
    """The catalogue's definition of a metric and what is said about this use of it; either may be missing.

    Raises KeyError for a metric that the catalogue lacks.
    """
    return "; ".join(filter(None, [METRICS[metric].definition if metric else "", about]))


def significant(value: float) -> str:
    """Four significant digits with trailing zeros; whole numbers from 1,000 on."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:#.4g}".rstrip(".")


def count(value: float | None) -> Cell:
    """A count or a mean without an interval: at most four significant digits."""
    return (
        NOTHING if value is None else Number(Estimate(value), digits=",.0f" if abs(value) >= 1000 else ".4g")
    )


def number(value: float | None, unit: Unit = ONE, digits: str = "") -> Cell:
    """A value in its base unit without an interval, printed in `unit`; a dash for None."""
    return NOTHING if value is None else Number(Estimate(value), unit, digits=digits)


def percent(share: float | None) -> Cell:
    """A share in per cent with one decimal; a dash for None."""
    return number(share, Unit("%", 0.01), ".1f")


def plain(text: str, longest: int = LONGEST) -> str:
    """An untrusted text in one line: line breaks become spaces, control and direction characters U+FFFD.

    What is longer than `longest` characters is cut, with a note of its length.
    """
    shown = "".join(
        "\ufffd" if unicodedata.category(character)[0] == "C" else character
        for character in " ".join(text[:longest].split())
    )
    return shown if len(text) <= longest else f"{shown}… ({len(text):,} characters)"


def data_set_parts(parts: Mapping[str, Sequence[Block]], level: int = 3) -> list[Block]:
    """The blocks of each data set, below a heading with its name where there are several."""
    several = len(parts) > 1
    return [
        block
        for dataset, blocks in parts.items()
        if blocks
        for block in ([Heading(dataset, level)] if several else []) + list(blocks)
    ]


def any_estimate(entries: Iterable[Entry]) -> bool:
    """Whether one of the entries has a value."""
    return any(isinstance(entry, Estimate) for entry in entries)
