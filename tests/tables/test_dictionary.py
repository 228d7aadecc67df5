"""The metric dictionary defines every column of every table, and its page is made from it."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from msgspec import Struct

from vlm_profiling.report.exports.dictionary import metrics_page
from vlm_profiling.tables.column_docs import field_docstrings, table_columns
from vlm_profiling.tables.column_texts import SUBJECTS, TEXTS
from vlm_profiling.tables.files import TABLES

PROJECT = Path(__file__).parents[2]


def test_every_column_of_the_tables_stands_in_the_dictionary_in_order(make_study: Callable) -> None:
    tables = make_study().merge()
    defined = table_columns()
    assert set(defined) == {*TABLES, "roofline", "audits", "drift"}
    for name, columns in defined.items():
        assert [column.name for column in columns] == list(
            pl.read_parquet_schema(tables / f"{name}.parquet")
        ), name


@pytest.mark.parametrize("name", table_columns())
def test_every_definition_is_a_sentence_that_needs_no_other(name: str) -> None:
    context_free = re.compile(r"(?!(Of|Its|It|The same|Them|When|Null|That)\b)\S+ \S+ .*\.", re.DOTALL)
    assert {
        column.name: column.definition
        for column in table_columns()[name]
        if not context_free.fullmatch(column.definition)
    } == {}


def test_every_statistic_says_what_it_is_of() -> None:
    """Without a subject, the definition would hold the column's own name."""
    definitions = " ".join(column.definition for columns in table_columns().values() for column in columns)
    assert re.findall(r"(?:Mean|value|interval|Estimate) of ([a-z]+_[a-z_0-9]+)", definitions) == []


class Example(Struct, kw_only=True):
    """A section."""

    first_s: float
    """A time,
    in seconds."""
    second: int


def test_docstrings_below_fields_are_read_and_joined() -> None:
    assert field_docstrings(Example) == {"first_s": "A time, in seconds."}


def test_texts_that_no_column_needs_are_gone() -> None:
    definitions = " ".join(column.definition for columns in table_columns().values() for column in columns)
    texts = (*TEXTS.values(), *SUBJECTS.values())
    assert [text for text in texts if text not in definitions] == []


def test_the_page_in_the_documentation_is_current() -> None:
    assert (PROJECT / "docs" / "metrics.md").read_bytes() == metrics_page(), "run `make docs`"
