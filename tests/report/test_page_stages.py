"""Where the time goes, on charts and pages: every stage with its share, the sum against the headline, layers
where measured.
"""

from __future__ import annotations

import re

import msgspec
import pytest
from factories import make_layers
from test_charts import rows_of

from vlm_profiling.outputs import chart_files, stage_charts
from vlm_profiling.record.breakdown import IMAGE_STAGES
from vlm_profiling.record.files import read_record, write_record
from vlm_profiling.report.charts.stages import axis_stages_chart, index_stages_chart
from vlm_profiling.report.pages.index import index_page
from vlm_profiling.report.pages.model import model_page
from vlm_profiling.tables.breakdown import read_stages


def section(page: str, title: str) -> str:
    """From a heading to the next one of its level; empty where there is none."""
    found = re.search(rf"^## {title}$(.*?)(?=^## |\Z)", page, re.MULTILINE | re.DOTALL)
    return found[1] if found else ""


def test_a_chart_a_varied_axis_and_one_for_all_models(make_study):
    study = make_study().study
    assert stage_charts(study, "random") == ["batch_size_stages", "optimization_stages"]
    assert stage_charts(study, "trained") == ["batch_size_stages", "image_size_stages", "optimization_stages"]
    assert {"index/stages.svg", "trained/image_size_stages.png"} < set(chart_files(study))
    without = make_study(protocol={"stages": False}).study
    assert stage_charts(without, "trained") == [] and "index/stages.svg" not in chart_files(without)


def test_bars_hold_each_stage_of_each_cell_and_words_where_there_is_none(make_study):
    study = make_study()
    cells = study.cells()
    chart = axis_stages_chart(cells, "random", "batch_size", read_stages(study.folder / "tables", cells.all))
    rows = rows_of(chart)
    shares = {(row["label"], row["stage"]): row["share"] for row in rows if "stage" in row}
    assert set(shares) == {(size, stage) for size in ("1", "2") for stage in IMAGE_STAGES}
    assert sum(share for (size, _), share in shares.items() if size == "2") == pytest.approx(100)
    assert [row["word"] for row in rows if row.get("word")] == ["× oom"]


def test_a_stage_has_one_colour_though_data_sets_have_other_stages(make_study):
    study = make_study(
        datasets={"shapes": {"package": "easy-vqa"}, "clips": {"folder": "datasets/moving-shapes"}}
    )
    cells = study.cells()
    stages = {
        place: [row for row in rows if row.dataset == "clips" or row.stage != "preprocess"]
        for place, rows in read_stages(study.folder / "tables", cells.all).items()
    }
    panels = index_stages_chart(cells, stages).to_dict()["vconcat"]
    assert [panel["title"]["text"] for panel in panels] == ["shapes", "clips"]
    shares = [panel["hconcat"][1]["encoding"]["color"]["scale"] for panel in panels]
    assert shares[0] == shares[1] and shares[0]["domain"] == list(IMAGE_STAGES)


def test_all_models_stand_in_the_order_of_the_study(make_study):
    study = make_study()
    cells = study.cells()
    rows = rows_of(index_stages_chart(cells, read_stages(study.folder / "tables", cells.all)))
    assert list(dict.fromkeys(row["label"] for row in rows)) == ["trained", "random"]


def test_the_page_of_a_model_tells_stages_their_sum_and_the_overhead_of_instrumentation(make_study):
    study = make_study()
    cells = study.cells()
    text = section(model_page(cells, "trained", study.folder / "tables", "plots"), "Where the time goes")
    rows = [line.split(" | ") for line in text.splitlines() if line.startswith("|")]
    assert [row[0].strip("| ") for row in rows[2:-2]] == list(IMAGE_STAGES)
    assert sum(float(row[-1].rstrip(" |")) for row in rows[2:-1]) == pytest.approx(100, abs=0.3)
    assert rows[-1][0] == "| **end to end**" and rows[-1][-1] == "100.0 |"
    assert "took 101.0 [99.00, 103.0] % of the headline's" in text
    assert "Marked and unmarked in turns, it takes 100.4 [99.80, 101.0] % of its time" in text


def test_repeat_noise_stands_apart_from_every_interval(make_study, usual_answer):
    study = make_study()
    page = model_page(study.cells(), "trained", study.folder / "tables", "plots")
    assert "| Latency's noise from repeat to repeat (%) | 0.1581 (5 rounds, stopped: half width) |" in page

    def without_repeats(run):
        return msgspec.structs.replace(
            usual_answer(run), repeats=None, absent={"repeats": "repeats need two full batches"}
        )

    study = make_study(without_repeats)
    page = model_page(study.cells(), "trained", study.folder / "tables", "plots")
    assert "| Latency's noise from repeat to repeat (%) | repeats need two full batches |" in page


def test_pages_without_stages_have_no_such_section(make_study, usual_answer):
    def without_stages(run):
        return msgspec.structs.replace(usual_answer(run), stages=None, serving=None)

    study = make_study(without_stages, protocol={"stages": False})
    cells = study.cells()
    page = model_page(cells, "trained", study.folder / "tables", "plots")
    assert not section(page, "Where the time goes") and not section(page, "Layers")
    assert "the protocol asks for no stages" in page
    assert not section(index_page(cells, study.folder / "tables", "plots", "tables"), "Where the time goes")


def test_the_index_shows_shares_and_serving_times_of_all_models(make_study):
    study = make_study()
    text = section(
        index_page(study.cells(), study.folder / "tables", "plots", "tables"), "Where the time goes"
    )
    rows = [line.split(" | ") for line in text.splitlines() if line.startswith("|")]
    assert [row[0] for row in rows[2:]] == ["| [trained](trained.md)", "| [random](random.md)"]
    stages = read_record(study.record_path(study.runs[0])).stages
    assert stages and rows[2][1 + IMAGE_STAGES.index("decode")] == f"{100 * stages.times['decode'].share:.1f}"
    assert "index/stages.svg" in text


def test_layers_are_shown_by_block_and_stage_with_what_lies_between(make_study):
    study = make_study()
    run = study.runs[0]
    record = read_record(study.record_path(run))
    record.layers = make_layers()
    write_record(study.record_path(run), record)
    text = section(model_page(study.cells(), run.model, study.folder / "tables", "plots"), "Layers")
    assert "| Block | vision (%) | decode (%) | All (%) |" in text
    assert "| mlp | 0.0 | 30.0 | 30.0 |" in text
    assert "| convolution | 10.0 | 0.0 | 10.0 |" in text
    assert "| between layers | 10.0 | 30.0 | 40.0 |" in text
    assert "| of it in layers | 50.0 | 62.5 | 60.0 |" in text
    assert (
        "Are convolutions heavy? They take 10.0 % of `generate()` (50.0 % of vision): without any of them it would be at most "
        "1.11 times as fast. The heaviest block is mlp with 30.0 %."
    ) in text
    assert "60.0 % of the time lies in them" in text and "115 % of the headline's" in text


def test_a_model_without_convolutions_says_so(make_study):
    study = make_study(axes={})
    record = read_record(study.record_path(study.runs[0]))
    record.layers = make_layers()
    record.layers.layers = [layer for layer in record.layers.layers if layer.block != "convolution"]
    write_record(study.record_path(study.runs[0]), record)
    text = section(model_page(study.cells(), study.runs[0].model, study.folder / "tables", "plots"), "Layers")
    assert (
        "Are convolutions heavy? This model has none in `generate()`. The heaviest block is mlp with 30.0 %."
        in text
    )


def test_layers_that_could_not_be_told_have_their_reason(make_study):
    study = make_study()
    record = read_record(study.record_path(study.runs[0]))
    record.absent["layers"] = "the model is compiled"
    write_record(study.record_path(study.runs[0]), record)
    page = model_page(study.cells(), study.runs[0].model, study.folder / "tables", "plots")
    assert "No layers: the model is compiled." in section(page, "Layers")
