"""Pages in HTML: numbers with their interval below, definitions on hover, charts in place of their images.

Raw HTML in prose remains text, and addresses of scripts are refused (markdown-it's commonmark rules, html
off).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import groupby

from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup, escape

from vlm_profiling.metrics.estimate import FLAG, Estimate
from vlm_profiling.record.absent import Absent
from vlm_profiling.report.markdown import has_status
from vlm_profiling.report.table import (
    NOTHING,
    TAG_COLOURS,
    Block,
    Cell,
    Code,
    Column,
    Heading,
    Inline,
    Lines,
    Link,
    Number,
    Page,
    Plot,
    Prose,
    Table,
    Tag,
    Term,
    Thumbnail,
    Tiles,
    plain,
)

LONG = 40
"""Characters from which on a cell gets room for several words a line."""

DrawChart = Callable[[Plot], Markup]
"""The HTML of a chart."""


@dataclass
class Body:
    """The content of a page."""

    title: str
    intro: Markup
    """Everything before the first section."""
    sections: Markup
    headings: list[tuple[str, str]] = field(default_factory=list)
    """(anchor, words) of each section."""


def page_body(page: Page, draw_chart: DrawChart) -> Body:
    """The content of a page.

    Args:
        page: the page.
        draw_chart: returns the HTML of a chart.
    """
    writer = _Writer(draw_chart)
    blocks = list(page.blocks)
    start = next((place for place, block in enumerate(blocks) if isinstance(block, Heading)), len(blocks))
    intro, sections = writer.write(blocks[:start]), writer.write(blocks[start:])
    return Body(plain(page.title), intro, sections, writer.headings)


def html_address(address: str) -> str:
    """An address as HTML pages use it: other pages of this study are in HTML."""
    page, hash_mark, section = address.partition("#")
    inside = page.endswith(".md") and "/" not in page
    return f"{page[:-3]}.html{hash_mark}{section}" if inside else address


def anchor(words: str) -> str:
    """The anchor of a heading."""
    return re.sub(r"[^a-z0-9]+", "-", words.lower()).strip("-") or "section"


class _Writer:
    """The blocks of one page, one after the other; keeps the anchors in use and the section that it is in."""

    def __init__(self, draw_chart: DrawChart) -> None:
        self.draw_chart = draw_chart
        self.headings: list[tuple[str, str]] = []
        self.used: set[str] = set()
        self.section = ""

    def write(self, blocks: Sequence[Block]) -> Markup:
        parts = []
        for kind, group in groupby(blocks, key=type):
            if kind is Plot:
                drawn = Markup().join(self.draw_chart(plot) for plot in group if isinstance(plot, Plot))
                parts.append(Markup('<div class="charts">{}</div>\n').format(drawn))
            else:
                parts += [self.block(block) for block in group]
        return Markup().join(parts)

    def block(self, block: Block) -> Markup:
        match block:
            case Heading():
                return self.heading(block)
            case Prose():
                return prose_html(block)
            case Table():
                return table_html(block, self.section)
            case Tiles():
                return _tiles(block)
            case Plot():
                return self.draw_chart(block)

    def heading(self, heading: Heading) -> Markup:
        words = plain(heading.text)
        name, number = anchor(words), 1
        while (slug := name if number == 1 else f"{name}-{number}") in self.used:
            number += 1
        self.used.add(slug)
        self.section = words
        if heading.level == 2:
            self.headings.append((slug, words))
        shown = _link(words, heading.address) if heading.address else escape(words)
        return Markup('<h{0} id="{1}">{2}</h{0}>\n').format(heading.level, slug, shown)


def prose_html(prose: Prose) -> Markup:
    """Markdown of our own making as HTML; a note is smaller."""
    parser = _parser()
    tokens = parser.parse(prose.text)
    for token in tokens:
        _point_to_html(token.children or [])
        if prose.note and token.type == "paragraph_open":
            token.attrJoin("class", "note")
    return Markup(parser.renderer.render(tokens, parser.options, {}))


def table_html(table: Table, section: str) -> Markup:
    """A table in a box that scrolls, named after its section."""
    attributes = Markup()
    if table.sortable and len(table.rows) > 1:
        attributes += Markup(" data-sortable")
        if len(table.rows) >= table.filter_from:
            attributes += Markup(" data-filter")
    head = Markup().join(_head(column) for column in table.columns)
    rows = Markup("\n").join(
        Markup("<tr>{}</tr>").format(
            Markup().join(_data(cell, column) for cell, column in zip(row, table.columns, strict=True))
        )
        for row in table.rows
    )
    return Markup(
        '<div class="table" role="region" tabindex="0" aria-label="Table: {}"{}>\n'
        "<table>\n<thead>\n<tr>{}</tr>\n</thead>\n<tbody>\n{}\n</tbody>\n</table>\n</div>\n"
    ).format(section, attributes, head, rows)


def cell_html(cell: Cell) -> Markup:
    """The content of a cell."""
    match cell:
        case str():
            return escape(plain(cell))
        case Number():
            return _number(cell)
        case Link():
            after = Markup(" {}").format(plain(cell.after)) if cell.after else Markup()
            return _link(plain(cell.text), cell.address) + after
        case Code():
            return Markup("<code>{}</code>").format(cell.text)
        case Tag():
            return _tag(cell.word, cell.reason)
        case Term():
            title = _defined(plain(cell.title), cell.definition)
            return Markup("<strong>{}</strong>").format(title) if cell.strong else title
        case Thumbnail():
            return Markup('<img src="{}" alt="{}" loading="lazy">').format(cell.address, plain(cell.title))
        case Inline():
            return Markup(" ").join(
                _number(part, in_line=True) if isinstance(part, Number) else cell_html(part)
                for part in cell.parts
            )
        case Lines():
            return Markup("<br>").join(escape(plain(line)) for line in cell.lines)
        case Prose():
            return Markup(_parser().renderInline(cell.text))


def _head(column: Column) -> Markup:
    title = _defined(plain(column.title), column.definition)
    kind = Markup(' dir="auto"') if column.text else Markup(' class="figure"')
    return Markup('<th scope="col"{}>{}</th>').format(kind, title)


def _data(cell: Cell, column: Column) -> Markup:
    """A cell with what scripts sort it by: the value in its base unit."""
    classes = [] if column.text else ["figure"]
    if len(_words(cell)) > LONG:
        classes.append("long")
    attributes = Markup(' class="{}"').format(" ".join(classes)) if classes else Markup()
    if column.text:
        attributes += Markup(' dir="auto"')
    if isinstance(cell, Number) and isinstance(cell.entry, Estimate):
        attributes += Markup(' data-value="{}"').format(f"{cell.entry.value:.9g}")
    return Markup("<td{}>{}</td>").format(attributes, cell_html(cell))


def _words(cell: Cell) -> str:
    """A cell as a reader sees it."""
    return Markup(cell_html(cell)).striptags()


def _number(number: Number, *, in_line: bool = False) -> Markup:
    """The value; below it, smaller, its interval, n and verdict. A flag names the audits that failed."""
    entry = number.entry
    if isinstance(entry, Absent):
        if number.absent == "reason":
            return _tag(entry.status, entry.reason) if has_status(entry) else escape(plain(entry.reason))
        return _tag(entry.status) if number.absent == "status" and has_status(entry) else escape(NOTHING)
    shown = escape(number.value_text)
    if entry.flags:
        why = "An audit failed for this value: " + "; ".join(plain(flag) for flag in entry.flags)
        shown += Markup(' <abbr title="{}" tabindex="0">{}</abbr>').format(why, FLAG)
    if number.details:
        # an interval breaks after its comma only where there is no other way
        details = Markup(" ").join(
            _tag(detail)
            if detail in TAG_COLOURS
            else escape(re.sub(r"(?<=[,n=]) (?=[-\d=])", "\u00a0", detail))
            for detail in number.details
        )
        shown += Markup(" {}" if in_line else "<small> {}</small>").format(details)
    return shown


def _tag(word: str, reason: str = "") -> Markup:
    colour = TAG_COLOURS.get(word, "")
    tag = Markup('<strong class="tag {}">{}</strong>').format(colour, word)
    return tag + Markup(": {}").format(plain(reason)) if reason else tag


def _link(words: str, address: str) -> Markup:
    return Markup('<a href="{}">{}</a>').format(html_address(address), words)


def _defined(words: str, definition: str) -> Markup:
    if not definition:
        return escape(words)
    return Markup('<abbr title="{}" tabindex="0">{}</abbr>').format(definition, words)


def _tiles(tiles: Tiles) -> Markup:
    items = Markup("\n").join(
        Markup('<li class="{}"><strong>{}</strong> {}</li>').format(
            tile.colour,
            f"{tile.count:,}",
            Markup('<a href="#{}">{}</a>').format(anchor(tile.section), tile.words)
            if tile.section
            else tile.words,
        )
        for tile in tiles.tiles
    )
    return Markup('<ul class="tiles">\n{}\n</ul>\n').format(items)


@cache
def _parser() -> MarkdownIt:
    """Making one takes longer than reading a paragraph with it."""
    return MarkdownIt("commonmark", {"html": False})


def _point_to_html(tokens: Iterable[Token]) -> None:
    for token in tokens:
        if token.type == "link_open":
            token.attrSet("href", html_address(str(token.attrGet("href") or "")))
