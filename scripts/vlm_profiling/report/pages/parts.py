"""What the pages of a study are put together from: templates, and parts that several of them have."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import jinja2

from vlm_profiling.cost.functions import CONVENTION
from vlm_profiling.report import templates
from vlm_profiling.tables.row import RunRow

HOW_TO_READ = "[how to read these pages](index.md#how-to-read-these-pages)"
"""What each page says of the section of the landing page that tells what the figures are."""
LISTED = 100
"""Cells listed one by one; the tables hold all."""


@dataclass(frozen=True)
class Chart:
    """An image on a page."""

    title: str
    path: str


def listed(make_table: Callable[[Sequence[RunRow]], str], cells: Sequence[RunRow]) -> str:
    """A table of the first cells, and how many more there are; nothing for none."""
    if not cells:
        return ""
    more = f"\n\nAnd {len(cells) - LISTED} more, in the table of runs." if len(cells) > LISTED else ""
    return make_table(cells[:LISTED]) + more


def render(template: str, **values: object) -> str:
    """A page: one of the templates beside this file, filled in."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader(templates.__name__, "."),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # Markdown, not HTML: escape_markdown has been at every piece of text that is not ours
    )
    return environment.get_template(template).render(convention=CONVENTION, how_to_read=HOW_TO_READ, **values)


def capital(text: str) -> str:
    """The text, its first letter capital."""
    return text[:1].upper() + text[1:]
