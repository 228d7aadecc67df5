"""The roofline in table, chart and page: every stage against its ceilings, or why there are none."""

from __future__ import annotations

import itertools
import math

import polars as pl
import pytest
from factories import make_ceilings
from rendering import draw, pages_of, parts_of, rows_of, section, tables_of

from vlm_profiling.cost.roofline.ceilings import write_ceilings
from vlm_profiling.cost.roofline.roofline import StageRoofline
from vlm_profiling.metrics.stages import STAGES
from vlm_profiling.outputs import chart_files, roofline_files
from vlm_profiling.report.charts.panels import STAGE_COLOURS
from vlm_profiling.report.charts.roofline import HEIGHT, LINE, _labelled
from vlm_profiling.report.markdown import blocks_markdown
from vlm_profiling.report.pages.roofline import roofline_blocks
from vlm_profiling.study.point import AXIS_NAMES

PARTS = ["vision", "project", "prefill", "decode"]
TITLES = ["vision encoder", "projector", "prefill", "decode"]


def test_every_finished_run_has_its_stages_against_both_ceilings(make_study):
    study = make_study()
    tables = study.merge()
    table = pl.read_parquet(tables / "roofline.parquet")
    assert table.equals(pl.read_csv(tables / "roofline.csv", schema=table.schema))
    assert table.columns == ["model", "dataset", *AXIS_NAMES, "key", *StageRoofline.__struct_fields__]
    one = table.filter(
        pl.col("model") == "trained", pl.col("batch_size") == 2, pl.col("image_size").is_null()
    )
    one = one.filter(pl.col("key") == one["key"][0])
    assert one["stage"].to_list() == [*PARTS, "generate"] * 2
    assert one["ceiling"].to_list() == ["datasheet"] * 5 + ["measured"] * 5
    assert one["mfu"].is_null().to_list() == [True] * 5 + [False] * 5
    assert set(roofline_files()) == {path.name for path in tables.iterdir() if path.stem == "roofline"}


def test_the_chart_holds_a_point_a_stage_below_its_roof(make_study):
    rows = rows_of(draw(tables_of(make_study()), "trained/roofline"))
    points = {row["stage"]: row for row in rows if "stage" in row}
    assert list(points) == TITLES and all(point["rate"] < point["roof"] for point in points.values())
    # 2000 FLOPs and 4000 bytes a batch, at 1 GB/s: half a FLOP a byte allows 0.5 GFLOP/s, below the
    # 1 GFLOP/s of the matrix rate
    assert points["vision encoder"]["intensity"] == 0.5 and points["vision encoder"]["roof"] == pytest.approx(
        0.5
    )
    roof = [row for row in rows if "name" in row]
    assert {row["name"] for row in roof} == {"measured: 1 GFLOP/s in float32, 1 GB/s"}
    ridge = roof[1]
    assert (ridge["intensity"], ridge["rate"]) == (1.0, 1.0)


def test_a_legend_tells_the_colours_of_the_stages_that_are_drawn(make_study):
    chart = draw(tables_of(make_study()), "trained/roofline")
    (colour,) = [part["color"] for part in parts_of(chart) if isinstance(part.get("color"), dict)]
    assert colour["legend"] is not None
    assert colour["scale"] == {
        "domain": TITLES,
        "range": [STAGE_COLOURS[STAGES[stage].order] for stage in PARTS],
    }


def test_the_chart_reaches_from_the_lowest_to_the_highest_of_points_and_roofs(make_study):
    study = make_study()
    for flops_per_s in (1e3, 1e12):
        write_ceilings(study.folder / "ceilings" / "cpu.json", make_ceilings(flops_per_s=flops_per_s))
        chart = draw(tables_of(study), "trained/roofline")
        shown = [row[end] for row in rows_of(chart) if "stage" in row for end in ("rate", "roof")]
        (low, high), *others = [
            part["y"]["scale"]["domain"] for part in parts_of(chart) if "scale" in part.get("y", {})
        ]
        assert low < min(shown) and max(shown) < high and all(other == [low, high] for other in others)


def test_every_model_has_its_chart(make_study):
    files = chart_files(make_study().study)
    assert {"trained/roofline.svg", "random/roofline.png"} < set(files)


def test_the_page_tells_floor_time_and_bound_and_against_what(make_study):
    text = section(pages_of(make_study())["trained"], "Distance to what the device allows")
    assert "calibrated with torch 2.13.0: 1.000 GFLOP/s in float32, 1.000 GB/s, 1 µs an operation" in text
    rows = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("|")]
    assert rows[0][-1] == "Bound" and [row[0] for row in rows[2:]] == [*TITLES, "**generate**"]
    assert rows[2][-1] == "unattributed"
    assert "Not compared with the datasheet: a CPU's peaks depend on clocks" in text
    assert "](../plots/trained/roofline.svg)" in text


def test_a_time_that_an_audit_failed_is_flagged(make_study):
    tables = tables_of(make_study())
    (row,) = tables.runs.baseline("trained")
    row.flags["stages"] = ("parts sum to whole: 12 % is in no stage",)
    lines = blocks_markdown(roofline_blocks(row, tables.roofline[row.place])).splitlines()
    assert [line.startswith("| vision encoder") for line in lines if "⚠ |" in line] == [
        True,
        False,
        False,
        False,
    ]
    assert lines[-1] == "⚠ parts sum to whole: 12 % is in no stage."
    assert "parts sum to whole" in str(draw(tables, "trained/roofline").to_dict())


def test_without_ceilings_page_and_chart_say_why(make_study):
    study = make_study()
    (study.folder / "ceilings" / "cpu.json").unlink()
    text = section(pages_of(study)["trained"], "Distance to what the device allows")
    reason = "no ceilings of device cpu were measured"
    assert f"Not compared with this machine's measured ceilings: {reason}." in text and "MFU" not in text
    assert reason in " ".join(rows_of(draw(tables_of(study), "trained/roofline"))[0]["text"])


def test_a_gpu_has_a_table_and_a_roof_for_each_ceiling(make_study):
    study = make_study(axes={}, baseline={"device": "cuda", "optimization": "fp32", "batch_size": 2})
    write_ceilings(study.folder / "ceilings" / "cuda.json", make_ceilings("cuda", 50e12, 3e12, 5e-6))
    tables = tables_of(study)
    (row,) = tables.runs.baseline("trained")
    text = blocks_markdown(roofline_blocks(row, tables.roofline[row.place]))
    assert text.count("| Stage |") == 2
    assert "(NVIDIA H100 Tensor Core GPU datasheet: 67.00 TFLOP/s in float32, 3,350 GB/s" in text
    names = {line["name"] for line in rows_of(draw(tables, "trained/roofline")) if "name" in line}
    assert names == {
        "datasheet: 67 TFLOP/s in float32, 3,350 GB/s",
        "measured: 50 TFLOP/s in float32, 3,000 GB/s",
    }


def test_labels_of_points_that_lie_together_stand_apart_in_the_order_of_their_points():
    names = ("vision", "project", "prefill", "decode")
    points = [
        {"stage": stage, "label": f"{stage}, 3.3×", "intensity": intensity, "rate": rate}
        for stage, intensity, rate in zip(names, (140, 127, 120, 1.5), (70, 58, 52, 2.8), strict=True)
    ]
    labelled = _labelled(points, (0.4, 1400), (0.9, 570))
    assert [point["stage"] for point in labelled] == list(names)
    beside = [point for point in labelled[:3] if point["on_left"] == labelled[0]["on_left"]]
    heights = [HEIGHT * math.log10(point["label_rate"] / 0.9) / math.log10(570 / 0.9) for point in beside]
    assert all(above - below >= LINE - 1e-6 for above, below in itertools.pairwise(heights))
    assert labelled[3] == points[3] | {"on_left": False, "label_rate": pytest.approx(2.8)}, (
        "alone, it is beside its point"
    )


def test_long_labels_of_two_points_in_one_place_do_not_cover_each_other():
    points = [
        {"stage": stage, "label": f"{stage}, 35,174,030×", "intensity": 0.25, "rate": 0.02}
        for stage in ("vision", "project")
    ]
    one, other = _labelled(points, (0.0004, 200), (0.0000001, 200))
    assert one["on_left"] != other["on_left"] or one["label_rate"] != other["label_rate"]
