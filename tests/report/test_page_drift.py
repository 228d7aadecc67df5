"""Every optimization's answers are compared with the reference's: in a table, and on two pages."""

from __future__ import annotations

import polars as pl
import pytest
from factories import identity_of, make_failed_record, make_record
from msgspec.structs import replace
from rendering import pages_of, tables_of

from vlm_profiling.report.pages.drift import drift_blocks
from vlm_profiling.tables.column_docs import table_columns
from vlm_profiling.tables.part_rows import DriftRow

OPTIMIZATIONS = {
    "optimizations": {
        "fp32": {"dtype": "float32"},
        "bf16": {"dtype": "bfloat16"},
        "flash": {"dtype": "float16"},
    },
    "axes": {"optimization": {"values": ["fp32", "bf16", "flash"]}},
}


def answer(run):
    """Flash attention is unsupported; bf16 answers the first eight of forty samples wrongly."""
    if run.point.optimization == "flash":
        return make_failed_record("unsupported", "flash-attn is not installed", **identity_of(run))
    record = make_record(samples=40, accuracy=None if run.model == "random" else 1.0, **identity_of(run))
    if run.point.optimization == "fp32":
        return record
    wrong = {
        "answer": "a wrong answer",
        **({} if run.model == "random" else {"wer": 3.0, "exact_match": False}),
    }
    return replace(
        record, samples=[replace(sample, **wrong) for sample in record.samples[:8]] + record.samples[8:]
    )


@pytest.fixture
def study(make_study):
    return make_study(answer, **OPTIMIZATIONS)


def test_the_table_holds_a_row_a_run_that_could_be_compared(study):
    tables = study.merge()
    table = pl.read_parquet(tables / "drift.parquet")
    assert table.equals(pl.read_csv(tables / "drift.csv", schema=table.schema))
    assert table.select("model", "optimization", "reference", "changed", "common").rows() == [
        ("random", "bf16", "fp32", 8, 40),
        ("trained", "bf16", "fp32", 8, 40),
    ]
    assert table.columns == [column.name for column in table_columns()["drift"]]
    assert set(table.columns) == set(DriftRow.__struct_fields__)
    trained = table.row(1, named=True)
    assert trained["exact_match_change_mean"] == pytest.approx(-0.2)
    assert trained["exact_match_change_low"] < -0.2 < trained["exact_match_change_high"] < 0


def test_it_is_on_the_models_page_and_on_the_axis_page(study):
    pages = pages_of(study)
    trained, random, axis = (pages[name] for name in ("trained", "random", "axis-optimization"))
    shown = "| bf16 | 20.00 [10.00, 3"
    assert "Answers compared with those of fp32:" in trained and shown in trained and ", worse" in trained
    assert shown in random and "No change of Exact match: not applicable: random weights." in random
    assert "## Answers" in axis
    assert f"| [trained](trained.md) {shown}" in axis and f"| [random](random.md) {shown}" in axis


def test_there_is_nothing_where_nothing_was_compared(study):
    tables = tables_of(study)
    assert drift_blocks(tables.runs.baseline("trained"), tables.drift) == []
