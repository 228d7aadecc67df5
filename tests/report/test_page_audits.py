"""A failed audit is on the page with its evidence, and its flag is on the value in every table."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from factories import identity_of, make_record
from msgspec.structs import replace
from rendering import line_with, pages_of

from vlm_profiling.audits.registry import AUDITS
from vlm_profiling.metrics.estimate import FLAG
from vlm_profiling.record.files import RecordError
from vlm_profiling.record.schema import RunRecord
from vlm_profiling.study import Run
from vlm_profiling.tables.study_tables import StudyTables

ONE = {"trained": {"folder": "checkpoints/trained"}}


def compiling_nothing(run: Run) -> RunRecord:
    """A run of the optimization "compile" whose wrapper generate() never called."""
    record = make_record(**identity_of(run))
    if run.point.optimization != "compile":
        return record
    assert record.checkpoint
    checkpoint = replace(record.checkpoint, compiled_frames=0)
    return replace(record, checkpoint=checkpoint, optimization=replace(record.optimization, compile=True))


@pytest.fixture
def pages(make_study: Callable) -> tuple[str, str]:
    """The index and a model's page of a study whose compile compiles nothing."""
    optimizations = {"fp32": {"dtype": "float32"}, "compile": {"dtype": "float32", "compile": True}}
    axes = {"optimization": {"values": ["fp32", "compile"]}}
    study = make_study(compiling_nothing, models=ONE, axes=axes, optimizations=optimizations)
    pages = pages_of(study)
    return pages["index"], pages["trained"]


def test_every_audit_stands_on_the_page_with_its_question(pages: tuple[str, str]) -> None:
    for audit in AUDITS:
        assert f"| {audit.name} | {audit.asks} | " in pages[1]


def test_a_failure_is_told_with_its_settings_and_evidence(pages: tuple[str, str]) -> None:
    row = line_with(pages[1], "| **fail** |")
    assert "| optimization took effect | vqa | cpu, compile, batch size 2" in row
    assert "| latency, energy, memory | 0 graphs compiled |" in row
    assert "| 1 fail, 1 pass | 0 graphs compiled |" in line_with(
        pages[1], "| optimization took effect | ", " 0 graphs compiled |"
    )


def test_runs_with_the_same_evidence_share_a_row(make_study: Callable) -> None:
    def drifted(run: Run) -> RunRecord:
        record = make_record(**identity_of(run))
        record.environment.lock_differences.append("torch 2.11.0, lock 2.13.0")
        return record

    study = make_study(drifted, models=ONE, axes={"batch_size": {"values": [1, 2, 4]}})
    page = pages_of(study)["trained"]
    assert page.count("| **warn** | provenance |") == 1
    assert "batch size 2, the model's own image size, no input limit and 2 more |" in line_with(
        page, "| **warn** | provenance |"
    )


def test_the_failed_figure_alone_is_marked_and_the_note_says_why(pages: tuple[str, str]) -> None:
    compiled = [cell.strip() for cell in line_with(pages[1], "| compile | ").strip("|").split(" | ")]
    assert compiled[1].endswith(FLAG) and compiled[2].endswith(FLAG), (
        "a ratio of a failed figure is no better"
    )
    assert FLAG not in "".join(compiled[3:])
    assert FLAG not in line_with(pages[1], "| fp32 | ")
    assert f"{FLAG} Latency: optimization took effect: 0 graphs compiled." in pages[1]


def test_the_index_counts_the_findings(pages: tuple[str, str]) -> None:
    assert "Audits of the runs with results: 1 fail, " in pages[0]
    assert f" {FLAG}" not in pages[0].partition("## How to read")[0], "the baseline did not fail"


def test_a_table_without_its_audits_is_not_shown(make_study: Callable) -> None:
    study = make_study(models=ONE, axes={})
    tables: Path = study.merge()
    (tables / "audits.parquet").unlink()
    with pytest.raises(RecordError, match=r"audits\.parquet"):
        StudyTables.read(study.study, tables)
