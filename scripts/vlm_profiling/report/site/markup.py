"""Markdown of a page as HTML: figures with their interval below, definitions on hover, charts in place of
their images.

Raw HTML in Markdown stays text, and addresses of scripts are refused (markdown-it's commonmark rules, html
off).
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache

from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup, escape

from vlm_profiling.metrics.estimate import FLAG
from vlm_profiling.report.site.definitions import definition

TAGS = {
    "ok": "good",
    "pass": "good",
    "faster": "good",
    "warn": "doubtful",
    "unsupported": "doubtful",
    "fail": "bad",
    "slower": "bad",
    "oom": "bad",
    "timeout": "bad",
    "error": "bad",
    "missing": "bad",
    "malformed": "bad",
    "foreign": "bad",
    "stale": "doubtful",
}
"""Words that stand in bold or alone in a cell, and their colour."""

LONG = 40
"""Characters from which a cell gets room for several words a line."""

_FIGURE = re.compile(
    rf"(?P<value>(?:[a-z ]+\^)?[^\s\[]*[^\s\[,])(?P<detail> \[[^\]]*\])?(?P<more>(?:,| \().*?)?(?P<doubt> {FLAG})?"
)


@dataclass
class Body:
    """A page's content."""

    title: str
    intro: Markup
    """What stands before the first section."""
    sections: Markup
    headings: list[tuple[str, str]] = field(default_factory=list)
    """(anchor, words) of each section."""


def page_body(markdown: str, draw_chart: Callable[[str, str], str]) -> Body:
    """A page. `draw_chart` gives the HTML in place of an image that is a chart, from its address and title."""
    parser = _parser()
    tokens = parser.parse(markdown)
    title, tokens = tokens[1].content if tokens and tokens[0].tag == "h1" else "", tokens[3:]
    headings = _name_headings(tokens)
    for token in tokens:
        _point_to_html(token.children or [])
    _dress_tables(tokens)
    tokens = list(_with_charts(tokens, draw_chart))
    start = next((place for place, token in enumerate(tokens) if token.type == "heading_open"), len(tokens))
    intro, sections = (
        parser.renderer.render(part, parser.options, {}) for part in (tokens[:start], tokens[start:])
    )
    return Body(_plain(title), Markup(intro), Markup(sections), headings)


@cache
def _parser() -> MarkdownIt:
    """Making one takes longer than reading a cell with it."""
    return MarkdownIt("commonmark", {"html": False}).enable("table")


def _name_headings(tokens: Sequence[Token]) -> list[tuple[str, str]]:
    """Give each heading an anchor; returns those of the sections."""
    sections, used = [], set()
    for place, token in enumerate(tokens):
        if token.type == "heading_open":
            words = _plain(tokens[place + 1].content)
            slug = re.sub(r"[^a-z0-9]+", "-", words.lower()).strip("-") or "section"
            anchor = next(
                name
                for name in (slug, *(f"{slug}-{n}" for n in range(2, len(tokens) + 2)))
                if name not in used
            )
            used.add(anchor)
            token.attrSet("id", anchor)
            if token.tag == "h2":
                sections.append((anchor, words))
    return sections


def _plain(content: str) -> str:
    """Inline Markdown as a reader sees it."""
    inline = _parser().parseInline(content)[0]
    return "".join(
        child.content if child.type in ("text", "code_inline", "text_special") else " "
        for child in inline.children or []
    )


def _point_to_html(tokens: Sequence[Token]) -> None:
    """Links to other pages of this study lead to their HTML."""
    for token in tokens:
        address = str(token.attrGet("href") or "")
        page, _, section = address.partition("#")
        if token.type == "link_open" and page.endswith(".md") and "/" not in page:
            token.attrSet("href", f"{page[:-3]}.html" + (f"#{section}" if section else ""))


def _dress_tables(tokens: list[Token]) -> None:
    """Name tables, define their heads, set figures apart from their intervals, and mark the notes below a
    table.
    """
    section, first, column, below = "", "", 0, False
    for place, token in enumerate(tokens):
        if token.type == "heading_open":
            section = _plain(tokens[place + 1].content)
        if token.level == 0 and token.nesting >= 0:
            if token.type == "paragraph_open" and below:
                token.attrJoin("class", "note")
            below = token.type in ("table_close", "paragraph_open") and below
        if token.type == "table_close":
            below = True
        elif token.type == "table_open":
            token.meta = {"label": section}
        elif token.type == "tr_open":
            column = 0
        elif token.type in ("th_open", "td_open"):
            figures = "right" in str(token.attrs.pop("style", ""))
            token.attrJoin("class", "figure") if figures else token.attrSet("dir", "auto")
            inline = tokens[place + 1]
            if token.type == "th_open":
                first = _plain(inline.content) if column == 0 else first
                inline.children = _defined(inline, definition(_plain(inline.content), first))
                token.attrSet("scope", "col")
            elif column == 0:
                inline.children = _defined(
                    inline, definition(_plain(inline.content).strip(), first, row=True)
                )
            if token.type == "td_open":
                if len(_plain(inline.content)) > LONG:
                    token.attrJoin("class", "long")
                inline.children = _dressed(inline, figures and column > 0)
            column += 1


def _defined(inline: Token, meaning: str | None) -> list[Token]:
    inside = inline.children or []
    return _within("abbr", inside, title=meaning, tabindex="0") if meaning else inside


def _dressed(inline: Token, figure: bool) -> list[Token]:
    """A cell's content: words of an outcome as tags; of a figure, all but the value smaller and below it."""
    children = inline.children or []
    for opened, text in itertools.pairwise(children):
        if opened.type == "strong_open" and (colour := TAGS.get(text.content)):
            opened.attrSet("class", f"tag {colour}")
    if len(children) != 1 or children[0].type != "text":
        return children
    words = children[0].content
    if colour := TAGS.get(words):
        return _within("span", children, **{"class": f"tag {colour}"})
    found = _FIGURE.fullmatch(words) if figure else None
    if not found or not (found["detail"] or found["more"] or found["doubt"]):
        return children
    dressed = [_text(found["value"])]
    if found["doubt"]:
        why = "An audit failed this figure: the note below the table says which, and why"
        dressed += [_text(" "), *_within("abbr", [_text(FLAG)], title=why, tabindex="0")]
    rest = (found["detail"] or "").replace(", ", ",\u00a0") + (found["more"] or "").replace(
        ", n = ", " n\u00a0=\u00a0"
    )
    return [*dressed, *_within("small", [_text(rest)])] if rest else dressed


def _within(tag: str, inside: list[Token], **attributes: str) -> list[Token]:
    return [Token(f"{tag}_open", tag, 1, attrs={**attributes}), *inside, Token(f"{tag}_close", tag, -1)]


def _text(content: str) -> Token:
    return Token("text", "", 0, content=content)


def _with_charts(tokens: Sequence[Token], draw_chart: Callable[[str, str], str]) -> Iterator[Token]:
    """The tokens, paragraphs of one chart replaced by what draws it, neighbours side by side; tables in boxes
    that scroll.
    """
    place, drawn = 0, []
    while place < len(tokens):
        image = _image(tokens[place : place + 3])
        if image:
            drawn.append(draw_chart(str(image.attrs["src"]), image.content))
            place += 3
            continue
        if drawn:
            yield _html(f'<div class="charts">{"".join(drawn)}</div>')
            drawn = []
        token = tokens[place]
        if token.type == "table_open":
            yield _html(
                f'<div class="table" role="region" tabindex="0" aria-label="Table: {escape(token.meta["label"])}">'
            )
        yield token
        if token.type == "table_close":
            yield _html("</div>")
        place += 1
    if drawn:
        yield _html(f'<div class="charts">{"".join(drawn)}</div>')


def _image(tokens: Sequence[Token]) -> Token | None:
    """The chart that is all of a paragraph."""
    if len(tokens) < 3 or tokens[0].type != "paragraph_open":
        return None
    children = tokens[1].children or []
    alone = (
        len(children) == 1 and children[0].type == "image" and str(children[0].attrs["src"]).endswith(".svg")
    )
    return children[0] if alone else None


def _html(content: str) -> Token:
    """HTML of our own making: markdown-it itself makes no such token while html is off."""
    return Token("html_block", "", 0, content=content + "\n")
