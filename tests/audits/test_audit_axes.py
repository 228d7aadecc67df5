"""Whether a setting did what it says: axis effect, optimization, batch invariance."""

from __future__ import annotations

import pytest
from auditing import context_of
from factories import make_record
from msgspec.structs import replace

from vlm_profiling.audits import axis_effect, batch_invariance, optimization
from vlm_profiling.record.schema import Optimization, RunRecord, Sample
from vlm_profiling.study.point import Point


def record_at(**settings: int | None) -> RunRecord:
    return make_record(point=Point(device="cpu", optimization="fp32", **{"batch_size": 2, **settings}))


def with_samples(record: RunRecord, **changes: object) -> RunRecord:
    return replace(record, samples=[replace(sample, **changes) for sample in record.samples])


def test_a_processor_that_resizes_every_image_to_one_size_leaves_the_axis_empty() -> None:
    sizes = {"image_size": (224, 448)}
    finding = axis_effect.judge(
        context_of(record_at(image_size=448), [record_at(image_size=224)], axes=sizes)
    )
    assert finding.verdict == "fail" and finding.figures == ("latency", "energy", "flops")
    assert finding.evidence.startswith("image_size 448 against 224: 0 of 8 samples differ")


def test_a_model_of_one_image_size_is_named_as_the_reason() -> None:
    fixed = record_at(image_size=448)
    assert fixed.checkpoint
    fixed = replace(fixed, checkpoint=replace(fixed.checkpoint, image_sizing="fixed"))
    finding = axis_effect.judge(
        context_of(fixed, [record_at(image_size=224)], axes={"image_size": (224, 448)})
    )
    assert finding.verdict == "fail" and finding.evidence.endswith(
        "the model's processor resizes every image to one size"
    )


def test_a_model_that_sees_the_larger_image_passes() -> None:
    larger = with_samples(record_at(image_size=448), effective_size=(448, 448), image_tokens=1024)
    finding = axis_effect.judge(
        context_of(larger, [record_at(image_size=224)], axes={"image_size": (224, 448)})
    )
    assert finding.verdict == "pass" and "8 of 8 samples differ" in finding.evidence


def test_a_limit_longer_than_every_prompt_is_found() -> None:
    limits = {"max_input_len": (None, 50)}
    finding = axis_effect.judge(context_of(record_at(max_input_len=50), [record_at()], axes=limits))
    assert finding.verdict == "fail" and "max_input_len 50 against unset: 0 of 8" in finding.evidence
    cut = record_at(max_input_len=50)
    cut = replace(cut, samples=[replace(cut.samples[0], truncated_tokens=3), *cut.samples[1:]])
    finding = axis_effect.judge(context_of(cut, [record_at()], axes=limits))
    assert finding.verdict == "pass" and "1 of 8 samples differ" in finding.evidence


def lengthened(length: int, read: int) -> RunRecord:
    """Prompts whose text got `length` tokens more, and which the model read with `read` tokens more."""
    record = record_at(prompt_len=length)
    samples = [
        replace(sample, added_tokens=length, prompt_tokens=sample.prompt_tokens + read)
        for sample in record.samples
    ]
    return replace(record, samples=samples)


@pytest.mark.parametrize(
    ("read", "verdict", "evidence"),
    [
        (100, "pass", "prompt_len: +800 text tokens over 8 samples, +800 prompt tokens read"),
        (99, "pass", "+792"),  # one token a sample where text meets template
        (90, "warn", "+720 prompt tokens read"),
        (40, "fail", "+320 prompt tokens read"),  # a processor that cuts by itself
        (0, "fail", "prompt_len 100 against unset: 0 of 8 samples differ in the prompt (tokens read)"),
    ],
)
def test_a_prompt_length_is_held_against_the_tokens_that_the_model_read(
    read: int, verdict: str, evidence: str
) -> None:
    lengths = {"prompt_len": (None, 100)}
    finding = axis_effect.judge(context_of(lengthened(100, read), [record_at()], axes=lengths))
    assert finding.verdict == verdict and evidence in finding.evidence
    assert finding.figures == (() if verdict == "pass" else ("latency", "energy", "flops"))


def test_the_baseline_is_where_an_axis_starts_even_when_it_is_not_its_first_value() -> None:
    sizes = {"image_size": (224, None)}
    assert (
        axis_effect.judge(context_of(record_at(), [record_at(image_size=224)], axes=sizes)).verdict
        == "not applicable"
    )
    finding = axis_effect.judge(context_of(record_at(image_size=224), [record_at()], axes=sizes))
    assert finding.verdict == "fail" and finding.evidence.startswith("image_size 224 against unset")


def test_the_first_value_of_an_axis_and_a_study_without_such_an_axis_have_nothing_to_judge() -> None:
    sizes = {"image_size": (224, 448)}
    first = context_of(record_at(image_size=224), [record_at(image_size=448)], axes=sizes)
    assert axis_effect.judge(first).verdict == "not applicable"
    assert axis_effect.judge(context_of(record_at(image_size=448))).verdict == "not applicable"


def loaded_as(asked: Optimization, **changes: object) -> RunRecord:
    record = make_record(optimization=asked)
    assert record.checkpoint
    return replace(record, checkpoint=replace(record.checkpoint, **changes))


INT8 = {
    "dtypes": {"float32": 61_000, "int8": 200_000},
    "weight_bytes": 323_640,
    "unquantised_bytes": 1_044_000,
    "quantised_modules": 29,
    "linear_layers": 29,
    "unquantised_layers": {},
    "quantisation_operators": {"aten::_to_copy": 58},
}
"""What a model of which every linear layer is stored as int8 says of itself."""


@pytest.mark.parametrize(
    ("asked", "loaded", "verdict", "evidence"),
    [
        ({}, {}, "pass", "100.0% of the parameters in float32; attention sdpa"),
        ({"compile": True}, {"compiled_frames": 7}, "pass", "7 graphs compiled"),
        (
            {"compile": True},
            {"compiled_frames": 7, "graph_breaks": 2},
            "pass",
            "7 graphs compiled, 2 graph breaks",
        ),
        ({}, {"attention_kernels": {"sdpa-flash": 10}}, "pass", "attention kernels: sdpa-flash (10 calls)"),
        (
            {"attention": "sdpa-math"},
            {"attention_kernels": {"sdpa-math": 9}},
            "pass",
            "attention kernels: sdpa-math (9 calls)",
        ),
        (
            {"attention": "sdpa-math"},
            {"attention_kernels": {"sdpa-flash": 9}},
            "fail",
            "attention kernels: sdpa-flash (9 calls)",
        ),
        ({"attention": "sdpa-flash"}, {"attention_kernels": {}}, "fail", "attention kernels: none fused"),
        (
            {"attention": "eager"},
            {"attention": "eager", "attention_kernels": {}},
            "pass",
            "attention kernels: none fused",
        ),
        (
            {"attention": "eager"},
            {"attention": "eager", "attention_kernels": {"sdpa-flash": 1}},
            "fail",
            "sdpa-flash (1 calls)",
        ),
        (
            {},
            {"absent": {"attention_kernels": "no profiler"}},
            "pass",
            "attention kernel unknown: no profiler",
        ),
        (
            {"attention": "sdpa-math"},
            {"absent": {"attention_kernels": "no profiler"}},
            "warn",
            "unknown: no profiler",
        ),
        (
            {"attention": "flash_attention_2"},
            {"attention": "flash_attention_2", "attention_kernels": {}},
            "warn",
            "attention kernels: none fused",
        ),
        (
            {"quantisation": "int8"},
            INT8,
            "pass",
            "100.0% of the other parameters in float32; attention sdpa; "
            "29 of 29 linear layers stored as int8; weights take 31.0% of their bytes before quantisation; "
            "integer weights read by aten::_to_copy (58 calls)",
        ),
        ({"quantisation": "int8"}, {}, "fail", "0 of 0 linear layers stored as int8"),
        ({"quantisation": "nf4"}, INT8, "fail", "29 of 29 linear layers stored as nf4"),
        (
            {"quantisation": "int8"},
            {**INT8, "weight_bytes": 1_044_000},
            "fail",
            "weights take 100.0% of their bytes before quantisation",
        ),
        ({"quantisation": "int8-dynamic"}, INT8, "fail", "integer weights read by aten::_to_copy (58 calls)"),
        (
            {"quantisation": "int8"},
            {**INT8, "quantisation_operators": {}},
            "fail",
            "integer weights read by no operator",
        ),
        (
            {"quantisation": "int8", "compile": True},
            {**INT8, "quantisation_operators": {}, "compiled_frames": 5},
            "warn",
            "integer weights read by no operator",
        ),
        (
            {"quantisation": "int8"},
            {
                **INT8,
                "quantised_modules": 20,
                "unquantised_layers": {"300 input features are no multiple of 64": 9},
            },
            "pass",
            "20 of 29 linear layers stored as int8, 9 not: 300 input features are no multiple of 64",
        ),
        ({"quantisation": "int8"}, {**INT8, "quantised_modules": 14}, "warn", "14 of 29 linear layers"),
        ({}, {"quantised_modules": 3}, "fail", "3 linear layers stored as integers, but none was requested"),
        ({"compile": True}, {"compiled_frames": 0}, "fail", "0 graphs compiled"),
        ({}, {"compiled_frames": 3}, "fail", "compilation was not requested"),
        ({"dtype": "float16"}, {}, "fail", "0.0% of the parameters in float16, 261,000 in float32"),
        (
            {"dtype": "float16"},
            {"dtypes": {"float16": 200_000, "float32": 61_000}},
            "warn",
            "76.6% of the parameters",
        ),
        (
            {"attention": "flash_attention_2"},
            {},
            "fail",
            "attention sdpa, but flash_attention_2 was requested",
        ),
    ],
)
def test_an_optimization_proves_itself_by_what_was_loaded(
    asked: dict[str, object], loaded: dict[str, object], verdict: str, evidence: str
) -> None:
    record = loaded_as(replace(Optimization(dtype="float32", attention="sdpa"), **asked), **loaded)
    finding = optimization.judge(context_of(record))
    assert finding.verdict == verdict and evidence in finding.evidence


@pytest.mark.parametrize(("layers", "verdict"), [("StaticLayer", "pass"), ("DynamicLayer", "fail")])
def test_a_static_cache_proves_itself_by_its_layers(layers: str, verdict: str) -> None:
    record = make_record(optimization=Optimization(dtype="float32", attention="sdpa", cache="static"))
    assert record.memory
    finding = optimization.judge(
        context_of(replace(record, memory=replace(record.memory, cache_layers=layers)))
    )
    assert finding.verdict == verdict and finding.evidence.endswith(f"key-value cache made of {layers}")


def changed(samples: list[Sample], count: int) -> list[Sample]:
    return [replace(sample, answer=sample.answer + "!") for sample in samples[:count]] + samples[count:]


@pytest.mark.parametrize(("count", "verdict"), [(0, "pass"), (2, "warn"), (3, "fail")])
def test_answers_that_change_with_the_batch_are_found(count: int, verdict: str) -> None:
    alone = make_record(samples=40, point=Point(device="cpu", optimization="fp32", batch_size=1))
    together = make_record(samples=40, point=Point(device="cpu", optimization="fp32", batch_size=8))
    together = replace(together, samples=changed(together.samples, count))
    finding = batch_invariance.judge(context_of(together, [alone]))
    assert finding.verdict == verdict and finding.evidence.startswith(
        f"{count} of 40 answers differ from those at batch size 1"
    )


def test_a_batch_is_compared_with_the_same_settings_only() -> None:
    other = record_at(batch_size=1, image_size=64)
    assert batch_invariance.judge(context_of(record_at(), [other])).verdict == "not applicable"


def test_frames_that_a_video_does_not_hold_are_found_and_frames_that_changed_nothing_fail() -> None:
    values = {"frames": (1, 8)}
    eight = with_samples(record_at(frames=8), given_frames=8, video_frames=24, image_tokens=8 * 256)
    finding = axis_effect.judge(context_of(eight, [record_at()], axes=values))
    assert finding.verdict == "pass" and "frames 8: 0 of 8 videos have fewer" in finding.evidence
    short = replace(
        eight, samples=[replace(eight.samples[0], given_frames=3, video_frames=3), *eight.samples[1:]]
    )
    finding = axis_effect.judge(context_of(short, [record_at()], axes=values))
    assert finding.verdict == "warn" and "1 of 8 videos have fewer, the shortest 3" in finding.evidence
    finding = axis_effect.judge(context_of(record_at(frames=8), [record_at()], axes=values))
    assert (
        finding.verdict == "fail"
        and "0 of 8 samples differ in the frames that the model saw" in finding.evidence
    )
