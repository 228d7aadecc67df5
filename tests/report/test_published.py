"""Published figures stand beside the study's own, with what is wrong with them."""

from __future__ import annotations

from pathlib import Path

import pytest
from factories import identity_of, make_record, make_stages
from msgspec.structs import replace

from vlm_profiling.outputs import page_files
from vlm_profiling.record.breakdown import DECODE_FRAMES, SAMPLE_FRAMES
from vlm_profiling.report.pages.published import published_page
from vlm_profiling.report.pages.write import write_pages
from vlm_profiling.report.published import published_figures, published_models, published_steps
from vlm_profiling.study import load_study

PROJECT = Path(__file__).parents[2]
MODEL = {"hub": "Salesforce/blip2-opt-2.7b", "revision": "a" * 40}
CHANGES = {
    "models": {"blip2": MODEL, "other": {"tiny": "llava"}},
    "datasets": {"TextVQA": {"package": "easy-vqa"}},
    "optimizations": {"fp16": {"dtype": "float16"}},
    "baseline": {
        "device": "cuda",
        "optimization": "fp16",
        "batch_size": 1,
        "image_size": 224,
        "max_input_len": 200,
    },
    "axes": {},
}


@pytest.fixture
def study(make_study):
    """One published cell, measured, of a published model, and a model that nobody published."""
    return make_study(lambda run: make_record(generate_s=0.2, **identity_of(run)), **CHANGES)


def row_with(page: str, *texts: str) -> list[str]:
    (line,) = [line for line in page.splitlines() if all(text in line for text in texts)]
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_the_published_figures_are_there_and_the_suspect_ones_say_why():
    figures = published_figures()
    assert len(figures) == 182
    suspect = [figure for figure in figures if figure.suspect]
    assert len(suspect) == 10
    assert any("idle H100" in figure.suspect and figure.metric == "energy_per_sample" for figure in suspect)
    assert all(not figure.remark.startswith("SUSPECT") for figure in figures)
    assert {step.model for step in published_steps()} == {"llava-7b", "eventgpt"}


def test_a_page_is_promised_where_a_model_was_published(study):
    assert published_models(study.study) == {"blip2": "Salesforce/blip2-opt-2.7b"}
    assert page_files(study.study)[-1] == "published.md"
    assert "published.md" not in page_files(load_study(PROJECT / "profiles" / "demo" / "study.yaml"))


def test_each_published_figure_has_ours_and_the_ratio_beside_it(study):
    cells = study.cells()
    page = published_page(cells, study.merge())
    latency = cells.baseline("blip2")[0].estimate("generate_s")
    section = page.partition("### Latency per batch")[2].partition("###")[0]
    row = row_with(section, "TextVQA", "cuda, fp16, batch size 1, image size 224, input length 200")
    (published,) = [
        figure.value
        for figure in published_figures()
        if (figure.model, figure.dataset, figure.metric)
        == ("Salesforce/blip2-opt-2.7b", "TextVQA", "latency_mean")
        and figure.point == cells.baseline("blip2")[0].point
    ]
    assert float(row[4]) == pytest.approx(latency.value / published, rel=5e-3)
    assert "not in this study" in row_with(section, "TextVQA", "cpu, fp16, batch size 1,")[3]


def test_a_suspect_figure_is_marked_and_says_why(study):
    page = published_page(study.cells(), study.merge())
    row = row_with(
        page.partition("### Energy")[2].partition("### FLOPs")[0], "TextVQA", "cpu, fp16, batch size 1,"
    )
    assert "⚠" in row[2]
    assert "GPU 0 energy during a CPU run" in row[5]
    assert "SIMULATED" in page.partition("## Steps")[2]


def test_the_page_is_written_and_linked(study, tmp_path):
    count = write_pages(study.study, study.merge(), tmp_path / "plots", tmp_path / "reports")
    assert count == len(page_files(study.study)) == 4
    assert "(published.md)" in (tmp_path / "reports" / "index.md").read_text()
    assert (tmp_path / "reports" / "published.md").read_text().startswith("# Published figures beside ours")


def test_shares_of_a_run_over_videos_stand_beside_the_llava_demonstrations_steps(make_study):
    """0.2 of generate() is vision, 0.02 project, 0.78 the rest; decoding and sampling take a quarter of
    generate() more.
    """

    def answer(run):
        record = make_record(generate_s=0.2, noise=0, **identity_of(run))
        generate_s = record.batches[0].generate_s
        shown = (
            {DECODE_FRAMES: 0.2 * generate_s, SAMPLE_FRAMES: 0.05 * generate_s}
            if run.dataset == "clips"
            else {}
        )
        seconds = {stage: [seconds_s] * len(record.batches) for stage, seconds_s in shown.items()}
        assert record.stages
        return replace(record, stages=make_stages(seconds | record.stages.seconds))

    llava = {"models": {"llava": {"hub": "llava-hf/llava-1.5-7b-hf", "revision": "a" * 40}}}
    datasets = {"TextVQA": {"package": "easy-vqa"}, "clips": {"folder": "clips"}}
    study = make_study(answer, **{**CHANGES, **llava, "datasets": datasets})
    steps = published_page(study.cells(), study.merge()).partition("## Steps")[2]
    assert "Ours: llava on clips" in steps and "it sleeps where a model would run" in steps
    names = ("video frames to images", "encode image tensors into features", "generate the output")
    ours = [float(row_with(steps, name, "% of step time")[3]) for name in names]
    assert ours == pytest.approx([20.0, 17.6, 62.4], abs=0.01)
    assert row_with(steps, "eventgpt", "step 1")[3] == "–"
