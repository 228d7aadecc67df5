"""Published results are compared with the study's own, and suspect ones say why."""

from __future__ import annotations

from pathlib import Path

import pytest
from factories import identity_of, make_record, make_stages
from msgspec.structs import replace
from rendering import pages_of, tables_of

from vlm_profiling.outputs import page_files
from vlm_profiling.record.breakdown import DECODE_FRAMES, SAMPLE_FRAMES
from vlm_profiling.report.markdown import page_markdown
from vlm_profiling.report.pages.published import published_page
from vlm_profiling.report.published import (
    published_models,
    published_results,
    published_steps,
    remark,
    suspicion,
)
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


def test_the_published_results_are_there_and_the_suspect_ones_say_why():
    results = published_results()
    assert len(results) == 182
    suspect = {suspicion(result.note): result.metric for result in results if suspicion(result.note)}
    assert sum(bool(suspicion(result.note)) for result in results) == 10
    assert any("idle H100" in why and metric == "energy_per_sample_j" for why, metric in suspect.items())
    assert all(not remark(result.note).startswith("SUSPECT") for result in results)
    assert {step.model for step in published_steps()} == {"llava-7b", "eventgpt"}


def test_a_page_is_promised_where_a_model_was_published(study):
    assert published_models(study.study) == {"blip2": "Salesforce/blip2-opt-2.7b"}
    assert page_files(study.study)[-1] == "published.md"
    assert "published.md" not in page_files(load_study(PROJECT / "profiles" / "demo" / "study.yaml"))


def test_each_published_figure_has_ours_and_the_ratio_beside_it(study):
    (baseline,) = tables_of(study).runs.baseline("blip2")
    page = pages_of(study)["published"]
    of_latency = page.partition("### Latency per batch")[2].partition("###")[0]
    row = row_with(of_latency, "TextVQA", "cuda, fp16, batch size 1, image size 224, input length 200")
    (published,) = [
        result.value
        for result in published_results()
        if (result.model, result.dataset) == ("Salesforce/blip2-opt-2.7b", "TextVQA")
        and (result.metric, result.point) == ("generate_s", baseline.point)
    ]
    assert float(row[4]) == pytest.approx(baseline.estimate("generate_s").value / published, rel=5e-3)
    assert "not in this study" in row_with(of_latency, "TextVQA", "cpu, fp16, batch size 1,")[3]


def test_a_suspect_figure_is_marked_and_says_why(study):
    page = pages_of(study)["published"]
    row = row_with(
        page.partition("### Energy")[2].partition("### FLOPs")[0], "TextVQA", "cpu, fp16, batch size 1,"
    )
    assert "⚠" in row[2]
    assert "GPU 0 energy during a CPU run" in row[5]
    assert "the demo sleeps instead of running a model" in page.partition("## Steps")[2]


def test_the_page_is_written_and_linked(study):
    pages = pages_of(study)
    assert [f"{name}.md" for name in pages] == page_files(study.study)
    assert "(published.md)" in pages["index"]
    assert pages["published"].startswith("# Published results and ours")


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
    steps = page_markdown(published_page(tables_of(study))).partition("## Steps")[2]
    assert "Ours: llava on clips" in steps
    names = ("video frames to images", "encode image tensors into features", "generate the output")
    ours = [float(row_with(steps, name, "% of step time")[3]) for name in names]
    assert ours == pytest.approx([20.0, 17.6, 62.4], abs=0.01)
    assert row_with(steps, "eventgpt", "step 1")[3] == "–"
