"""Where the time goes, on charts and pages: every stage with its share, their sum, layers where measured."""

from __future__ import annotations

import msgspec
import pytest
from factories import make_layers
from rendering import draw, pages_of, rows_of, section, tables_of

from vlm_profiling.metrics.stages import STAGES
from vlm_profiling.outputs import chart_files
from vlm_profiling.record.files import read_record, write_record
from vlm_profiling.report.charts.registry import study_charts

IMAGE_STAGES = ["preprocess", "transfer", "vision", "project", "prefill", "decode", "loop", "detokenise"]
TITLES = [STAGES[stage].title for stage in IMAGE_STAGES]


def with_layers(study, **changes):
    """The study, its first run with layers; `changes` are those of its record."""
    record = read_record(study.record_path(study.runs[0]))
    record.layers = make_layers()
    for name, value in changes.items():
        setattr(record, name, value)
    write_record(study.record_path(study.runs[0]), record)
    return section(pages_of(study)[study.runs[0].model], "Layers")


def test_each_varied_axis_has_a_chart_and_all_models_together_have_one(make_study):
    study = make_study().study
    charts = [chart.name for chart in study_charts(study, "axis", model="random") if chart.kind == "stages"]
    assert charts == ["batch_size_stages", "optimization_stages"]
    assert {"index/stages.svg", "trained/image_size_stages.png"} < set(chart_files(study))
    without = make_study(protocol={"stages": False}).study
    assert not [chart for chart in study_charts(without) if chart.kind == "stages"]


def test_bars_have_each_stage_of_each_run_and_words_where_there_is_none(make_study):
    rows = rows_of(draw(tables_of(make_study()), "random/batch_size_stages"))
    shares = {(row["label"], row["stage"]): row["share"] for row in rows if "stage" in row}
    assert set(shares) == {(size, stage) for size in ("1", "2") for stage in TITLES}
    assert sum(share for (size, _), share in shares.items() if size == "2") == pytest.approx(100)
    assert [row["word"] for row in rows if row.get("word")] == ["× oom"]


def test_a_stage_has_one_colour_though_data_sets_have_other_stages(make_study):
    datasets = {"shapes": {"package": "easy-vqa"}, "clips": {"folder": "datasets/moving-shapes"}}
    tables = tables_of(make_study(datasets=datasets))
    for rows in tables.stages.values():
        rows[:] = [row for row in rows if row.dataset == "clips" or row.stage != "preprocess"]
    panels = draw(tables, "index/stages").to_dict()["vconcat"]
    assert [panel["title"]["text"] for panel in panels] == ["shapes", "clips"]
    shares = [panel["hconcat"][1]["encoding"]["color"]["scale"] for panel in panels]
    assert shares[0] == shares[1] and shares[0]["domain"] == TITLES


def test_all_models_are_in_the_order_of_the_study(make_study):
    rows = rows_of(draw(tables_of(make_study()), "index/stages"))
    assert list(dict.fromkeys(row["label"] for row in rows)) == ["trained", "random"]


def test_the_page_of_a_model_has_stages_their_sum_and_the_overhead_of_instrumentation(make_study):
    text = section(pages_of(make_study())["trained"], "Where the time goes")
    rows = [line.split(" | ") for line in text.splitlines() if line.startswith("|")]
    assert [row[0].strip("| ") for row in rows[2:-2]] == TITLES
    assert sum(float(row[-1].rstrip(" |")) for row in rows[2:-1]) == pytest.approx(100, abs=0.3)
    assert rows[-1][0] == "| **end to end**" and rows[-1][-1] == "100.0 |"
    assert "took 101.0 [99.00, 103.0] % of its time in the headline pass" in text
    assert "it takes 100.4 [99.80, 101.0] % of its time: the overhead of instrumentation." in text


def test_noise_between_repetitions_is_apart_from_every_interval(make_study, usual_answer):
    row = "| Noise of the latency between repetitions (%) | "
    assert f"{row}0.158 (5 repetitions, stopped: half width) |" in pages_of(make_study())["trained"]

    def without_repeats(run):
        absent = {"repeats": "repeats need two full batches"}
        return msgspec.structs.replace(usual_answer(run), repeats=None, absent=absent)

    assert f"{row}repeats need two full batches |" in pages_of(make_study(without_repeats))["trained"]


def test_pages_without_stages_have_no_such_section(make_study, usual_answer):
    def without_stages(run):
        return msgspec.structs.replace(usual_answer(run), stages=None, serving=None)

    pages = pages_of(make_study(without_stages, protocol={"stages": False}))
    assert not section(pages["trained"], "Where the time goes") and not section(pages["trained"], "Layers")
    assert "the protocol asks for no stages" in pages["trained"]
    assert not section(pages["index"], "Where the time goes")


def test_the_index_shows_shares_and_serving_times_of_all_models(make_study):
    study = make_study()
    text = section(pages_of(study)["index"], "Where the time goes")
    rows = [line.split(" | ") for line in text.splitlines() if line.startswith("|")]
    assert [row[0] for row in rows[2:]] == ["| [trained](trained.md)", "| [random](random.md)"]
    stages = read_record(study.record_path(study.runs[0])).stages
    assert stages and rows[2][1 + IMAGE_STAGES.index("decode")] == f"{100 * stages.times['decode'].share:.1f}"
    assert "index/stages.svg" in text


def test_layers_are_shown_by_block_and_stage_with_the_time_between(make_study):
    text = with_layers(make_study())
    assert "| Block | vision encoder (%) | decode (%) | All (%) |" in text
    assert "| mlp | 0.0 | 30.0 | 30.0 |" in text
    assert "| convolution | 10.0 | 0.0 | 10.0 |" in text
    assert "| between layers | 10.0 | 30.0 | 40.0 |" in text
    assert "| of it in layers | 50.0 | 62.5 | 60.0 |" in text
    assert "They take 10.0 % of `generate()` (50.0 % of vision encoder): without any of them" in text
    assert "at most 1.11 times as fast. The heaviest block is mlp with 30.0 %." in text
    assert "60.0 % of the time is in layers" in text and "115 % of its time in the headline pass" in text


def test_a_model_without_convolutions_says_so(make_study):
    layers = make_layers()
    layers.layers = [layer for layer in layers.layers if layer.block != "convolution"]
    text = with_layers(make_study(axes={}), layers=layers)
    assert "This model has none in `generate()`. The heaviest block is mlp with 30.0 %." in text


def test_layers_that_could_not_be_measured_have_their_reason(make_study):
    text = with_layers(make_study(), layers=None, absent={"layers": "the model is compiled"})
    assert "No layers: the model is compiled." in text
