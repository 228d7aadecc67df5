"""A flagged value is hollow in every chart, and a line of the chart names the audit."""

from __future__ import annotations

from collections.abc import Callable

import altair as alt
import pytest
from rendering import draw, rows_of, tables_of

from vlm_profiling.metrics.estimate import FLAG, Estimate, flagged, marked_like
from vlm_profiling.record.absent import Absent
from vlm_profiling.tables.study_tables import StudyTables

LINE = "Hollow: an audit failed for this value (physical floor); the page gives the evidence."
KINDS = ("latency", "energy", "flops", "memory", "quality", "stages")


@pytest.fixture
def tables(make_study: Callable) -> StudyTables:
    """A study whose largest batch and baseline fail the audit of the physical floor, for "trained" alone."""
    optimizations = {"fp32": {"dtype": "float32"}, "bf16": {"dtype": "bfloat16"}}
    axes = {
        "batch_size": {"values": [1, 2, 4]},
        "image_size": {"values": [None, 64], "models": ["trained"]},
        "optimization": {"values": ["fp32", "bf16"]},
    }
    tables = tables_of(make_study(optimizations=optimizations, axes=axes))
    baseline = tables.runs.baseline("trained")[0].point
    for row in tables.runs.all:
        if row.model == "trained" and (row.batch_size == 4 or row.point == baseline):
            row.flags.update(dict.fromkeys(KINDS, ("physical floor: 2000 TFLOP/s of at most 989",)))
    return tables


def subtitle(chart: alt.VConcatChart) -> list[str]:
    return chart.to_dict()["title"]["subtitle"]


def hollow(chart: alt.VConcatChart, name: str = "label") -> dict[str, bool]:
    return {row[name]: row["flagged"] for row in rows_of(chart) if "flagged" in row}


@pytest.mark.parametrize("name", ["batch_size", "image_size_quality"])
def test_failed_points_alone_are_hollow_and_the_chart_names_the_audit(tables: StudyTables, name: str) -> None:
    chart = draw(tables, f"trained/{name}")
    assert hollow(chart) == (
        {"1": False, "2": True, "4": True} if name == "batch_size" else {"model's own": True, "64": False}
    )
    assert " ".join(subtitle(chart)).endswith(LINE)


def test_all_ratios_to_a_flagged_original_are_flagged(tables: StudyTables) -> None:
    chart = draw(tables, "trained/optimization")
    assert hollow(chart) == {"fp32": True, "bf16": True}
    assert [row["number"] for row in rows_of(chart) if row.get("label") == "fp32"] == [f"100 {FLAG}"]


@pytest.mark.parametrize(
    ("name", "by"),
    [("latency_quality", "model"), ("memory", "label"), ("flops", "label"), ("stages", "label")],
)
def test_charts_across_models_flag_the_failed_model_alone(tables: StudyTables, name: str, by: str) -> None:
    chart = draw(tables, f"index/{name}")
    assert hollow(chart, by) == {"trained": True, "random": False}
    assert " ".join(subtitle(chart)).endswith(LINE)


def test_bars_of_flagged_stages_are_hollow(tables: StudyTables) -> None:
    chart = draw(tables, "trained/batch_size_stages")
    assert hollow(chart) == {"1": False, "2": True, "4": True}
    sums = {row["label"]: row["number"] for row in rows_of(chart) if "number" in row}
    assert [label for label, text in sums.items() if text.endswith(FLAG)] == ["2", "4"]


def test_charts_without_failed_audits_say_nothing(tables: StudyTables) -> None:
    for name in ("batch_size", "batch_size_stages"):
        chart = draw(tables, f"random/{name}")
        assert not any("audit" in line for line in subtitle(chart))
        assert not any(hollow(chart).values())


def test_a_figure_made_of_others_inherits_their_doubts() -> None:
    sure, doubtful = Estimate(1.0), Estimate(2.0, flags=("work parity: 20 of 50 tokens", "thermal: 20 °C"))
    ratio = marked_like(Estimate(0.5), [sure, doubtful, doubtful])
    assert isinstance(ratio, Estimate) and ratio.flags == doubtful.flags
    assert flagged([ratio, sure, Absent("no meter")]) == ["work parity", "thermal"]
    assert marked_like(Absent("no meter"), [doubtful]) == Absent("no meter")
