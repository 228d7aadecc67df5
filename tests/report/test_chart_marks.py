"""A figure that an audit failed is hollow in every chart, and a line of the chart names the audit."""

from __future__ import annotations

from collections.abc import Callable

import altair as alt
import pytest
from test_charts import rows_of

from vlm_profiling.metrics.estimate import FLAG, Estimate, flagged, marked_like
from vlm_profiling.record.absent import Absent
from vlm_profiling.report.charts.index import index_chart
from vlm_profiling.report.charts.model import model_chart
from vlm_profiling.report.charts.stages import axis_stages_chart, index_stages_chart
from vlm_profiling.report.comparison.pairs import read_batch_times
from vlm_profiling.tables.breakdown import read_stages
from vlm_profiling.tables.study_tables import Cells

LINE = "Hollow: an audit failed this figure (physical floor); the page tells why."
KINDS = ("latency", "energy", "flops", "memory", "quality", "stages")


@pytest.fixture
def cells(make_study: Callable) -> Cells:
    """A study whose largest batch and baseline fail the audit of the physical floor, for the model "trained"
    alone.
    """
    optimizations = {"fp32": {"dtype": "float32"}, "bf16": {"dtype": "bfloat16"}}
    axes = {
        "batch_size": {"values": [1, 2, 4]},
        "image_size": {"values": [None, 64], "models": ["trained"]},
        "optimization": {"values": ["fp32", "bf16"]},
    }
    cells = make_study(optimizations=optimizations, axes=axes).cells()
    for cell in cells.all:
        if cell.model == "trained" and (
            cell.batch_size == 4 or cell.point == cells.baseline("trained")[0].point
        ):
            cell.flags = dict.fromkeys(KINDS, ("physical floor: 2000 TFLOP/s of at most 989",))
    return cells


def subtitle(chart: alt.VConcatChart) -> list[str]:
    return chart.to_dict()["title"]["subtitle"]


def hollow(chart: alt.VConcatChart, name: str = "label") -> dict[str, bool]:
    return {row[name]: row["doubtful"] for row in rows_of(chart) if "doubtful" in row}


@pytest.mark.parametrize("name", ["batch_size", "image_size_quality"])
def test_failed_points_alone_are_hollow_and_the_chart_names_the_audit(cells: Cells, name: str) -> None:
    chart = model_chart(cells, "trained", name, {})
    assert hollow(chart) == (
        {"1": False, "2": True, "4": True} if name == "batch_size" else {"model's own": True, "64": False}
    )
    assert subtitle(chart)[-1] == LINE


def test_all_ratios_to_a_doubtful_original_are_doubtful(cells: Cells, tmp_path) -> None:
    times = read_batch_times(tmp_path / "tables", cells.all)
    chart = model_chart(cells, "trained", "optimization", times)
    assert hollow(chart) == {"fp32": True, "bf16": True}
    assert [row["number"] for row in rows_of(chart) if row.get("label") == "fp32"] == [f"100 {FLAG}"]


@pytest.mark.parametrize(
    ("name", "by"), [("latency_quality", "model"), ("memory", "label"), ("flops", "label")]
)
def test_the_index_marks_the_failed_model_alone(cells: Cells, name: str, by: str) -> None:
    chart = index_chart(cells, name)
    assert hollow(chart, by) == {"trained": True, "random": False}
    assert subtitle(chart)[-1] == LINE


def test_bars_of_doubtful_stages_are_hollow(cells: Cells, tmp_path) -> None:
    stages = read_stages(tmp_path / "tables", cells.all)
    assert hollow(index_stages_chart(cells, stages)) == {"trained": True, "random": False}
    chart = axis_stages_chart(cells, "trained", "batch_size", stages)
    assert hollow(chart) == {"1": False, "2": True, "4": True}
    sums = {row["label"]: row["number"] for row in rows_of(chart) if "number" in row}
    assert [label for label, text in sums.items() if text.endswith(FLAG)] == ["2", "4"]


def test_charts_without_failed_audits_say_nothing(cells: Cells, tmp_path) -> None:
    stages = read_stages(tmp_path / "tables", cells.all)
    for chart in (
        model_chart(cells, "random", "batch_size", {}),
        axis_stages_chart(cells, "random", "batch_size", stages),
    ):
        assert not any("audit" in line for line in subtitle(chart))
        assert not any(hollow(chart).values())


def test_a_figure_made_of_others_inherits_their_doubts() -> None:
    sure, doubtful = Estimate(1.0), Estimate(2.0, flags=("work parity: 20 of 50 tokens", "thermal: 20 °C"))
    ratio = marked_like(Estimate(0.5), [sure, doubtful, doubtful])
    assert isinstance(ratio, Estimate) and ratio.flags == doubtful.flags
    assert flagged([ratio, sure, Absent("no meter")]) == ["work parity", "thermal"]
    assert marked_like(Absent("no meter"), [doubtful]) == Absent("no meter")
