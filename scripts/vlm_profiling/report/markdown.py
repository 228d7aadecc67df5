"""Pages in Markdown. Untrusted text never becomes markup, a link or a further table cell."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from vlm_profiling.metrics.estimate import FLAG
from vlm_profiling.record.absent import Absent
from vlm_profiling.report.table import (
    LONGEST,
    NOTHING,
    Block,
    Cell,
    Code,
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

_MARKUP = str.maketrans(
    {mark: f"\\{mark}" for mark in "\\`*_[]|~$"} | {"<": "&lt;", ">": "&gt;", "&": "&amp;"}
)
_AUTOLINK = re.compile(r"(?<=:)(?=//)|(?<=www)(?=\.)|(?<=@)(?=\w)", re.IGNORECASE)
_WORD_JOINER = "\u2060"


def escape_markdown(text: str, longest: int = LONGEST) -> str:
    """An untrusted text for use within a line or a table cell of Markdown.

    It is made plain first (`table.plain`). A word joiner keeps addresses from becoming links, which git
    hosts make of bare ones.
    """
    return _AUTOLINK.sub(_WORD_JOINER, plain(text, longest)).translate(_MARKUP)


def page_markdown(page: Page) -> str:
    """A whole page."""
    return f"# {escape_markdown(page.title)}\n\n{blocks_markdown(page.blocks)}\n"


def blocks_markdown(blocks: Iterable[Block]) -> str:
    """The blocks, with an empty line between them."""
    return "\n\n".join(text for block in blocks if (text := _block(block)))


def table_markdown(table: Table) -> str:
    """A table: text columns aligned to the left, numbers to the right."""
    lines = [
        [escape_markdown(column.title) for column in table.columns],
        [":--" if column.text else "--:" for column in table.columns],
        *([cell_markdown(cell) for cell in row] for row in table.rows),
    ]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def cell_markdown(cell: Cell) -> str:
    """A cell in one line."""
    match cell:
        case str():
            return escape_markdown(cell)
        case Number():
            return _number(cell)
        case Link():
            after = f" {escape_markdown(cell.after)}" if cell.after else ""
            return f"[{escape_markdown(cell.text)}]({cell.address}){after}"
        case Code():
            return f"`{cell.text}`"
        case Tag():
            return _tag(cell.word, cell.reason)
        case Term():
            title = escape_markdown(cell.title)
            return f"**{title}**" if cell.strong else title
        case Thumbnail():
            return f"![{escape_markdown(cell.title)}]({cell.address})"
        case Inline():
            return " ".join(map(cell_markdown, cell.parts))
        case Lines():
            return "<br>".join(map(escape_markdown, cell.lines))
        case Prose():
            return cell.text


def _number(number: Number) -> str:
    entry = number.entry
    if isinstance(entry, Absent):
        if number.absent == "reason":
            return _tag(entry.status, entry.reason) if has_status(entry) else escape_markdown(entry.reason)
        return f"**{entry.status}**" if number.absent == "status" and has_status(entry) else NOTHING
    first, *others = [number.value_text, *number.details]
    text = first
    for detail in others:
        text += f" {detail}" if detail.startswith("[") else f", {detail}"
    return f"{text} {FLAG}" if entry.flags else text


def has_status(absent: Absent) -> bool:
    """Whether a value is absent because its whole run ended without figures."""
    return absent.status != ""


def _tag(word: str, reason: str) -> str:
    return f"**{word}**: {escape_markdown(reason)}" if reason else f"**{word}**"


def _block(block: Block) -> str:
    match block:
        case Heading():
            words = escape_markdown(block.text)
            return f"{'#' * block.level} " + (f"[{words}]({block.address})" if block.address else words)
        case Prose():
            return block.text
        case Table():
            return table_markdown(block)
        case Plot():
            return f"![{escape_markdown(block.title)}]({block.address})"
        case Tiles():
            return block.sentence


def listed(words: Sequence[str]) -> str:
    """Untrusted words, escaped and separated by commas."""
    return ", ".join(map(escape_markdown, words))
