"""The metric dictionary defines every column of every table, and its page is made from it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from msgspec import Struct

from vlm_profiling.metrics.catalog import METRICS, Metric
from vlm_profiling.outputs import TABLES
from vlm_profiling.report.exports.dictionary import metrics_page
from vlm_profiling.tables.column_docs import BY_STATISTIC, PLAIN, field_docstrings, table_columns

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
def test_every_column_has_a_definition(name: str) -> None:
    assert [
        column.name for column in table_columns()[name] if not column.definition.endswith((".", "JSON."))
    ] == []


@pytest.mark.parametrize("metric", METRICS.values(), ids=lambda metric: metric.id)
def test_every_published_figure_is_a_column(metric: Metric) -> None:
    names = [column.name for column in table_columns()[metric.table]]
    assert set(metric.column_names) <= set(names)


def test_names_of_others_are_those_of_their_documentation() -> None:
    named = {metric.id: (metric.vllm, metric.aiperf, metric.mlperf) for metric in METRICS.values()}
    assert named["ttft_s"] == (
        "`mean_ttft_ms`",
        "`time_to_first_token`",
        "`Mean First Token latency (ns)`, TTFT",
    )
    assert named["tpot_s"][:2] == ("`mean_tpot_ms`", "`inter_token_latency`")
    assert named["batch_flops"] == ("", "", "")


class Example(Struct, kw_only=True):
    """A section."""

    first_s: float
    """A time,
    in seconds."""
    second: int


def test_docstrings_below_fields_are_read_and_joined() -> None:
    assert field_docstrings(Example) == {"first_s": "A time, in seconds."}


def test_words_that_no_field_needs_are_gone() -> None:
    definitions = " ".join(column.definition for columns in table_columns().values() for column in columns)
    assert [words for words in (*PLAIN.values(), *BY_STATISTIC.values()) if words not in definitions] == []


def test_the_page_in_the_documentation_is_current() -> None:
    assert (PROJECT / "docs" / "metrics.md").read_bytes() == metrics_page(), "run `make docs`"
