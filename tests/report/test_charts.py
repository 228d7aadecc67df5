"""Charts say what the tables say, with the uncertainty, and show a failed cell as such."""

import json
from collections.abc import Iterator

import altair as alt
import pytest
from altair.utils.schemapi import validate_jsonschema
from factories import identity_of, make_failed_record
from PIL import Image

from vlm_profiling.outputs import INDEX_CHARTS, chart_files, model_charts
from vlm_profiling.report.charts.draw import draw_charts
from vlm_profiling.report.charts.index import index_chart
from vlm_profiling.report.charts.model import model_chart
from vlm_profiling.report.comparison.pairs import read_batch_times


def parts_of(chart: alt.TopLevelMixin) -> Iterator[dict]:
    """Every mapping in a chart but its data, from the outside in."""

    def inner(part: object) -> Iterator[dict]:
        if isinstance(part, dict):
            yield part
            part = [value for name, value in part.items() if name != "data"]
        if isinstance(part, list):
            for each in part:
                yield from inner(each)

    return inner(chart.to_dict())


def rows_of(chart: alt.TopLevelMixin) -> list[dict]:
    """All rows of data in a chart, its panels' one after the other."""
    return [row for part in parts_of(chart) for row in part.get("data", {}).get("values", [])]


def failed(run):
    return make_failed_record("oom", "tried to allocate 2.5 GiB", **identity_of(run))


def all_charts(study):
    cells = study.cells()
    for name in INDEX_CHARTS:
        yield index_chart(cells, name)
    for model in cells.study.models:
        times = read_batch_times(study.folder / "tables", cells.all)
        for name in model_charts(cells.study, model):
            yield model_chart(cells, model, name, times)


def test_every_declared_file_is_written_and_no_other(make_study, tmp_path):
    study = make_study(models={"trained": {"folder": "checkpoints/trained"}})
    draw_charts(study.study, study.merge(), tmp_path / "plots")
    written = {str(path.relative_to(tmp_path / "plots")) for path in (tmp_path / "plots").rglob("*.*")}
    assert written == set(chart_files(study.study))
    for name in written:
        path = tmp_path / "plots" / name
        if name.endswith(".png"):
            width, height = Image.open(path).size
            assert 1000 < width <= 1400, f"{name} is {width} pixels wide, at two a pixel shown"
            assert height > 200
        elif name.endswith(".svg"):
            assert path.read_text().startswith("<svg")
        else:
            validate_jsonschema(json.loads(path.read_text()), alt.load_schema())


def test_an_axis_of_one_value_has_no_chart(make_study):
    study = make_study(axes={"batch_size": {"values": [2]}}).study
    assert model_charts(study, "trained") == []
    assert len(chart_files(study)) == 21


def test_quality_is_drawn_for_trained_weights_only(make_study):
    study = make_study(axes={"image_size": {"values": [32, 64]}}).study
    assert model_charts(study, "trained") == ["image_size", "image_size_quality"]
    assert model_charts(study, "random") == ["image_size"]


def test_figures_are_the_tables_in_the_unit_shown(make_study):
    cells = make_study().cells()
    line = cells.axis("trained", "batch_size")[0]
    rows = [row for row in rows_of(model_chart(cells, "trained", "batch_size", {})) if "value" in row]
    assert [row["label"] for row in rows] == ["1", "2", "4"]
    assert [row["value"] for row in rows] == pytest.approx(
        [1000 * cell.estimate("generate_s").value for cell in line]
    )
    assert [row["low"] for row in rows] == pytest.approx(
        [1000 * cell.estimate("generate_s").interval[0] for cell in line]
    )
    assert [row["high"] for row in rows] == pytest.approx(
        [1000 * cell.estimate("generate_s").interval[1] for cell in line]
    )


def test_a_failed_cell_is_a_word_at_its_place(make_study):
    rows = rows_of(model_chart(make_study().cells(), "random", "batch_size", {}))
    assert {"label": "4", "word": "× oom"} in rows


def test_without_a_meter_there_is_no_empty_panel_but_the_reason_below_the_title(make_study):
    chart = model_chart(make_study().cells(), "trained", "batch_size", {}).to_dict()
    title = json.dumps(chart["title"])
    assert "latency by batch size" in title and "energy by" not in title
    assert "No energy: no RAPL on this host." in " ".join(chart["title"]["subtitle"])
    assert len(chart["vconcat"]) == 1 and len(chart["vconcat"][0]["hconcat"]) == 1


def test_a_model_keeps_its_colour(make_study):
    cells = make_study().cells()
    for name in ("latency_quality", "memory"):
        scales = json.dumps(index_chart(cells, name).to_dict())
        assert '"domain": ["trained", "random"], "range": ["#0072B2", "#D55E00"]' in scales
    assert "#D55E00" in json.dumps(model_chart(cells, "random", "batch_size", {}).to_dict())


def test_models_without_quality_stand_apart_with_their_latency(make_study):
    rows = rows_of(index_chart(make_study().cells(), "latency_quality"))
    assert [row["model"] for row in rows if "errors" in row] == ["trained"]
    assert [row["model"] for row in rows if "latency" in row and "errors" not in row] == ["random"]


def test_flops_are_stacked_by_stage_and_add_up(make_study):
    cells = make_study().cells()
    rows = [row for row in rows_of(index_chart(cells, "flops")) if row["label"] == "trained"]
    stages = [row["flops"] for row in rows if "stage" in row]
    assert len(stages) == 4
    assert sum(stages) == pytest.approx(cells.baseline("trained")[0].estimate("batch_flops").value / 1e3)


def test_all_failed_and_one_cell_studies_have_their_charts_too(make_study):
    for chart in [
        *all_charts(make_study(failed)),
        *all_charts(make_study(axes={}, models={"trained": {"tiny": "llava"}})),
    ]:
        chart.to_dict()


def test_an_axis_that_is_excluded_says_so(make_study):
    cells = make_study(
        exclude=[
            {"models": ["random"], "set": {"optimization": "flash"}},
            {"models": ["random"], "set": {"batch_size": 2}},
        ]
    ).cells()
    assert "excluded" in rows_of(model_chart(cells, "random", "optimization", {}))[0]["text"][0]
