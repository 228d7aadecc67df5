"""The page and the chart of an axis say how every model answers to it, and why where nothing can be said."""

import json
import re
from collections.abc import Callable

import msgspec
import pytest
from factories import identity_of, make_failed_record, make_record
from rendering import draw, tables_of

from vlm_profiling.outputs import chart_files, page_files
from vlm_profiling.record.absent import Absent
from vlm_profiling.record.schema import RunRecord
from vlm_profiling.report.charts.registry import shared_axes
from vlm_profiling.report.markdown import page_markdown
from vlm_profiling.report.pages.axis import axis_page
from vlm_profiling.study import ConfigError, Run, study_from_mapping
from vlm_profiling.study.axes import AXES
from vlm_profiling.tables.scaling import growths

BATCHES = {"values": [1, 2, 4, 8]}
SIZES = {"values": [56, 112, 224]}


def growing(law: Callable[[Run], float], **overrides) -> Callable[[Run], RunRecord]:
    """Runs that take what a law says, all batches alike."""

    def answer(run: Run) -> RunRecord:
        side = run.point.image_size or 224
        return make_record(
            samples=32, generate_s=law(run), noise=0.0, side=side, **identity_of(run), **overrides
        )

    return answer


def by_power(run: Run) -> float:
    return 0.05 * run.point.batch_size**0.42


def by_line(run: Run) -> float:
    """Seconds a batch of two images: 0.1, and a hundredth of a millisecond for each of their image tokens."""
    return 0.1 + 2e-5 * ((run.point.image_size or 224) // 14) ** 2


@pytest.fixture
def show_axis(make_study) -> Callable:
    """(scaling fits, page, chart's JSON) of an axis of a study."""

    def show(axis: str, answer: Callable[[Run], RunRecord], **changes):
        tables = tables_of(make_study(answer, **changes))
        found = growths(tables.runs, axis, tables.batch_times) if AXES[axis].size else {}
        chart = draw(tables, f"index/axis-{axis}").to_dict()
        return found, page_markdown(axis_page(tables, axis, "plots")), json.dumps(chart)

    return show


def test_latency_grows_as_the_power_that_was_put_in(show_axis):
    found, page, chart = show_axis("batch_size", growing(by_power), axes={"batch_size": BATCHES})
    for growth in found["vqa"]:
        assert growth.exponent.value == pytest.approx(0.42)
        assert growth.exponent.n == 4
        assert growth.exponent.interval[0] < 0.42 < growth.exponent.interval[1]
    assert re.search(
        r"\[trained\]\(trained.md\) \| batch\^0\.4200 \[0\.41\d+, 0\.42\d+\], n = 4 \| 0\.0 \|", page
    )
    assert "trained: 0.42 [0.4" in chart and "![" in page


def test_one_more_image_costs_the_slope(show_axis):
    found, page, _ = show_axis(
        "batch_size", growing(lambda run: 0.03 + 0.01 * run.point.batch_size), axes={"batch_size": BATCHES}
    )
    assert found["vqa"][0].marginal_latency.value == pytest.approx(0.01)
    assert "| One sample more (ms) |" in page and "| 10.00 [9." in page


def test_one_more_image_token_costs_its_part_of_a_sample(show_axis):
    found, page, _ = show_axis("image_size", growing(by_line), axes={"image_size": SIZES})
    assert found["vqa"][0].marginal_latency.value == pytest.approx(1e-5), (
        "of one of the two samples in a batch"
    )
    assert "One image token more (µs)" in page and "| 10.00 [" in page


def test_one_more_prompt_token_costs_its_part_of_a_sample(show_axis):
    def answer(run: Run) -> RunRecord:
        """0.1 s a batch of two, and 10 µs for each token that their texts were brought to."""
        length = run.point.prompt_len or 16
        record = make_record(samples=32, generate_s=0.1 + 2e-5 * length, noise=0.0, **identity_of(run))
        samples = [
            msgspec.structs.replace(sample, prompt_tokens=300 + length, added_tokens=length - 16)
            for sample in record.samples
        ]
        return msgspec.structs.replace(record, samples=samples)

    found, page, chart = show_axis("prompt_len", answer, axes={"prompt_len": {"values": [None, 32, 64, 128]}})
    assert found["vqa"][0].marginal_latency.value == pytest.approx(1e-5), (
        "of one of the two samples in a batch"
    )
    assert (
        "# Prompt length, all models" in page
        and "One prompt token more (µs)" in page
        and "prompt token" in page
    )
    assert "| Model, by prompt length | as it comes | 32 | 64 | 128 |" in page
    assert "Prompt tokens a sample, mean" in chart and "Latency by prompt length" in chart


def test_energy_has_its_own_slope_with_the_meters_uncertainty(show_axis):
    found, page, _ = show_axis(
        "batch_size",
        growing(lambda run: 0.01 * run.point.batch_size),
        axes={"batch_size": BATCHES},
        baseline={"device": "cuda", "optimization": "fp32", "batch_size": 2},
    )
    energy = found["vqa"][0].marginal_energy
    assert energy.value == pytest.approx(3.5, rel=0.01), "350 W for 10 ms a sample"
    assert energy.interval[1] / energy.value > 1.01
    assert "One sample more (J)" in page


def test_an_axis_without_effect_has_a_reason_and_no_curve(show_axis):
    found, page, chart = show_axis(
        "image_size", growing(lambda _: 0.1), axes={"image_size": {"values": [None, 224, 230]}}
    )
    reason = "the model read as many image tokens whatever size was asked"
    assert found["vqa"][0].exponent == Absent(reason)
    assert f"No scaling exponent: {reason} (trained, random)." in page
    assert reason in " ".join(re.sub(r"[\",\[\]]", " ", chart).split())


def test_fewer_than_three_sizes_are_no_curve(show_axis):
    def fails_above_two(run: Run) -> RunRecord:
        if run.point.batch_size > 2:
            return make_failed_record("oom", "tried to allocate 2.5 GiB", **identity_of(run))
        return growing(by_power)(run)

    found, page, chart = show_axis("batch_size", fails_above_two, axes={"batch_size": BATCHES})
    assert found["vqa"][0].exponent == Absent("fewer than 3 sizes with figures (2)")
    assert "| **oom** | **oom** |" in page
    assert "\\u00d7 trained oom, random oom" in chart


def test_a_failed_audit_marks_exponent_and_point(show_axis):
    def wrong_device(run: Run) -> RunRecord:
        record = growing(by_power)(run)
        if run.point.batch_size == 8 and run.model == "trained":
            record.headline.generate.mean_s *= 2
        return record

    found, page, chart = show_axis("batch_size", wrong_device, axes={"batch_size": BATCHES})
    trained, random = found["vqa"]
    assert trained.exponent.flags and not random.exponent.flags
    assert "⚠ work parity: failed for a run of trained; the model's page gives the evidence." in page
    assert '"flagged": true' in chart


def test_categories_are_ratios_with_verdicts(show_axis):
    def answer(run: Run) -> RunRecord:
        if run.point.optimization == "flash":
            return make_failed_record("unsupported", "flash-attn is not installed", **identity_of(run))
        return growing(lambda run: 0.05 if run.point.optimization == "fp32" else 0.04)(run)

    optimizations = {
        "fp32": {"dtype": "float32"},
        "bf16": {"dtype": "bfloat16"},
        "flash": {"dtype": "float16"},
    }
    axes = {"optimization": {"values": ["fp32", "bf16", "flash"]}}
    _, page, chart = show_axis("optimization", answer, optimizations=optimizations, axes=axes)
    assert "| [trained](trained.md) | 100.0 | 80.00 [80.00, 80.00], better | **unsupported** |" in page
    assert "flash \\u00d7 unsupported" in chart


def test_an_excluded_axis_and_one_without_figures_say_so(show_axis):
    def failed(run: Run) -> RunRecord:
        return make_failed_record("oom", "tried to allocate 2.5 GiB", **identity_of(run))

    found, page, chart = show_axis("batch_size", failed, axes={"batch_size": BATCHES})
    assert found["vqa"][0].exponent == Absent("no run has figures")
    assert "no run has figures" in page and "no run has results" in chart


def test_every_axis_with_two_values_has_a_page_and_a_chart(make_study):
    study = make_study(axes={"batch_size": BATCHES, "optimization": {"values": ["fp32"]}}).study
    assert shared_axes(study) == ["batch_size"]
    assert "axis-batch_size.md" in page_files(study)
    assert "index/axis-batch_size.svg" in chart_files(study)


def test_no_model_takes_the_page_of_an_axis():
    settings = {
        "name": "shapes",
        "models": {"Axis-Batch_Size": {"tiny": "llava"}},
        "datasets": {"vqa": {"package": "easy-vqa"}},
        "baseline": {"device": "cpu", "optimization": "fp32"},
    }
    with pytest.raises(ConfigError, match="page or folder of the study itself"):
        study_from_mapping(settings)
