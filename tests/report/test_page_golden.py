"""Whole pages of a small study, as they were when someone last read them.

After an intended change: `GOLDEN=update pytest tests/report/test_page_golden.py`, then read the difference.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from markupsafe import Markup
from rendering import typed_pages
from small_study import SETTINGS, answer
from study_folder import write_study

from vlm_profiling.report.markdown import page_markdown
from vlm_profiling.report.site.html import page_body
from vlm_profiling.report.table import Page, Plot, Table, Term

GOLDEN = Path(__file__).parent / "golden"
NAMES = ("index", "trained", "random", "axis-batch_size", "axis-image_size", "axis-optimization")
PRIVATE_WORDS = (
    " hears",
    " beside ",
    " told ",
    " stands ",
    "further token",
    "in turns",
    " a figure",
    "doubt",
)


def drawn(plot: Plot) -> Markup:
    return Markup('<figure><img src="{}" alt="{}"></figure>').format(plot.address, plot.title)


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Page]:
    return typed_pages(write_study(tmp_path_factory.mktemp("golden"), SETTINGS, answer))


def test_every_page_reads_as_it_did(pages):
    assert set(pages) == set(NAMES)
    for name, page in pages.items():
        compare(f"{name}.md", page_markdown(page))


def test_the_html_of_a_models_page_is_what_it_was(pages):
    body = page_body(pages["trained"], drawn)
    compare("trained.html", f"{body.intro}\n{body.sections}")


def compare(name: str, text: str) -> None:
    path = GOLDEN / name
    if os.environ.get("GOLDEN") == "update":
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8"), f"{path}: see the docstring of {Path(__file__).name}"


def test_every_number_of_every_table_has_a_definition(pages):
    """Over the head of its column or the name of its row."""
    for name, page in pages.items():
        for table in (block for block in page.blocks if isinstance(block, Table)):
            assert undefined(table) == [], name


def undefined(table: Table) -> list[str]:
    rows_defined = all(isinstance(row[0], Term) and row[0].definition for row in table.rows)
    numbers = [column for column in table.columns if not column.text]
    return [column.title for column in numbers if not column.definition and not rows_defined]


def test_pages_use_the_words_of_the_field(pages):
    for name, page in pages.items():
        text = page_markdown(page)
        assert [word for word in PRIVATE_WORDS if word in text] == [], name
