"""Charts say what the tables say, with the uncertainty, and show a failed cell as such."""

import json

import altair as alt
import pytest
from altair.utils.schemapi import validate_jsonschema
from factories import identity_of, make_failed_record
from PIL import Image
from rendering import draw, rows_of, tables_of

from vlm_profiling.outputs import chart_files
from vlm_profiling.report.charts.draw import draw_charts
from vlm_profiling.report.charts.registry import KINDS, modules, study_charts


def failed(run):
    return make_failed_record("oom", "tried to allocate 2.5 GiB", **identity_of(run))


def all_charts(study):
    tables = tables_of(study)
    return [draw(tables, chart.stem) for chart in study_charts(tables.study)]


def test_every_declared_file_is_written_and_no_other(make_study, tmp_path):
    study = make_study(models={"trained": {"folder": "checkpoints/trained"}})
    draw_charts(tables_of(study), tmp_path / "plots")
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
    assert study_charts(study, "axis", model="trained") == []
    assert len(chart_files(study)) == 21


def test_quality_is_drawn_for_trained_weights_only(make_study):
    study = make_study(axes={"image_size": {"values": [32, 64]}}).study
    kinds = [[chart.kind for chart in study_charts(study, "axis", model=model)] for model in study.models]
    assert kinds == [["values", "quality", "stages"], ["values", "stages"]]


def test_every_kind_of_chart_has_a_module_that_draws_it(make_study):
    study = make_study().study
    assert {chart.kind for chart in study_charts(study)} == set(modules())
    assert len(KINDS) == len({tuple(chart.stem for chart in places(study)) for places in KINDS})


def test_figures_are_the_tables_in_the_unit_shown(make_study):
    tables = tables_of(make_study())
    latencies = [row.estimate("generate_s") for row in tables.runs.axis("trained", "batch_size")[0]]
    rows = [row for row in rows_of(draw(tables, "trained/batch_size")) if "value" in row]
    assert [row["label"] for row in rows] == ["1", "2", "4"]
    assert [row["value"] for row in rows] == pytest.approx([1000 * latency.value for latency in latencies])
    assert [row["low"] for row in rows] == pytest.approx(
        [1000 * latency.interval[0] for latency in latencies]
    )
    assert [row["high"] for row in rows] == pytest.approx(
        [1000 * latency.interval[1] for latency in latencies]
    )


def test_a_failed_cell_is_a_word_at_its_place(make_study):
    rows = rows_of(draw(tables_of(make_study()), "random/batch_size"))
    assert {"label": "4", "word": "× oom"} in rows


def test_without_a_meter_there_is_no_empty_panel_but_the_reason_below_the_title(make_study):
    chart = draw(tables_of(make_study()), "trained/batch_size").to_dict()
    title = json.dumps(chart["title"])
    assert "latency by batch size" in title and "energy by" not in title
    assert "No energy: no RAPL on this host." in " ".join(chart["title"]["subtitle"])
    assert len(chart["vconcat"]) == 1 and len(chart["vconcat"][0]["hconcat"]) == 1


def test_a_model_keeps_its_colour(make_study):
    tables = tables_of(make_study())
    for name in ("latency_quality", "memory"):
        scales = json.dumps(draw(tables, f"index/{name}").to_dict())
        assert '"domain": ["trained", "random"], "range": ["#0072B2", "#D55E00"]' in scales
    assert "#D55E00" in json.dumps(draw(tables, "random/batch_size").to_dict())


def test_models_without_quality_stand_apart_with_their_latency(make_study):
    rows = rows_of(draw(tables_of(make_study()), "index/latency_quality"))
    assert [row["model"] for row in rows if "errors" in row] == ["trained"]
    assert [row["model"] for row in rows if "latency" in row and "errors" not in row] == ["random"]


def test_flops_are_stacked_by_stage_and_add_up(make_study):
    tables = tables_of(make_study())
    rows = [row for row in rows_of(draw(tables, "index/flops")) if row["label"] == "trained"]
    stages = [row["flops"] for row in rows if "stage" in row]
    assert len(stages) == 4
    assert sum(stages) == pytest.approx(
        tables.runs.baseline("trained")[0].estimate("batch_flops").value / 1e3
    )


def test_all_failed_and_one_cell_studies_have_their_charts_too(make_study):
    for chart in [
        *all_charts(make_study(failed)),
        *all_charts(make_study(axes={}, models={"trained": {"tiny": "llava"}})),
    ]:
        chart.to_dict()


def test_an_axis_that_is_excluded_says_so(make_study):
    excluded = [{"set": {"optimization": "flash"}}, {"set": {"batch_size": 2}}]
    study = make_study(exclude=[{"models": ["random"], **cells} for cells in excluded])
    assert "excluded" in rows_of(draw(tables_of(study), "random/optimization"))[0]["text"][0]
