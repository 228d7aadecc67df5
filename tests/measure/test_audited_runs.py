"""Faults built into real runs are seen by the audits, and the same runs without them pass."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest
import torch
from auditing import context_of
from msgspec.structs import replace
from tiny_costs import counted_cost

from vlm_profiling.audits import answers, axis_effect, batch_invariance, optimization, parts_sum, thermal
from vlm_profiling.audits.registry import AUDITS, judge
from vlm_profiling.measure.passes import stages
from vlm_profiling.measure.request import RunRequest
from vlm_profiling.measure.run import profile
from vlm_profiling.models.llava.family import Llava
from vlm_profiling.record.schema import RunRecord
from vlm_profiling.study.config import ProtocolConfig, RepeatsConfig, WarmupConfig
from vlm_profiling.study.inputs import OptimizationConfig

MakeRequest = Callable[..., RunRequest]
WARMUP = WarmupConfig(window=2, max_batches=2)
REPEATS = RepeatsConfig(max_s=0.2)
PROTOCOL = ProtocolConfig(max_new_tokens=8, warmup=WARMUP, repeats=REPEATS, stages=False)
STAGES = ProtocolConfig(max_new_tokens=8, warmup=WARMUP, repeats=REPEATS)


def measured(request: RunRequest) -> RunRecord:
    record = profile(request)
    assert record.status == "ok", record.failure
    return record


def of_several_lengths(request: RunRequest) -> RunRequest:
    """Questions of one to four times the same words, so that all but the longest are padded."""
    for row, sample in enumerate(request.samples):
        sample.request = " ".join([sample.request] * (row + 1))
    return request


def test_a_clean_run_fails_no_audit(request_for: MakeRequest) -> None:
    request = request_for(batch_size=3, protocol=PROTOCOL)
    cost = counted_cost(request.checkpoint, request.project)
    findings = {finding.audit: finding for finding in judge(context_of(measured(request), cost=cost))}
    assert list(findings) == [audit.name for audit in AUDITS]
    machine = thermal.NAME  # it fails when other tests are at work beside this one
    assert not [
        finding for finding in findings.values() if finding.verdict == "fail" and finding.audit != machine
    ]
    assert findings["work parity"].verdict == findings["optimization took effect"].verdict == "pass"


def test_a_compiled_wrapper_that_generate_never_calls_is_seen(
    request_for: MakeRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    def wrap_only(_: Llava, model: torch.nn.Module) -> list[str]:
        torch.compile(model)
        return []

    monkeypatch.setattr(Llava, "compile_targets", wrap_only)
    record = measured(request_for(optimization=OptimizationConfig(dtype="float32", compile=True)))
    finding = optimization.judge(context_of(record))
    assert (finding.verdict, finding.evidence) == ("fail", "0 graphs compiled, 0 graph breaks")


def test_a_truncation_that_cuts_nothing_is_seen(request_for: MakeRequest) -> None:
    free, long, short = (measured(request_for(max_input_len=limit)) for limit in (None, 1000, 2))
    limits = {"max_input_len": (None, 1000, 2)}
    finding = axis_effect.judge(context_of(long, [free, short], axes=limits))
    assert finding.verdict == "fail" and "0 of 4 samples differ" in finding.evidence
    finding = axis_effect.judge(context_of(short, [free, long], axes=limits))
    assert finding.verdict == "pass" and "4 of 4 samples differ" in finding.evidence


def test_the_tokens_that_a_prompt_length_adds_are_read_and_a_processor_that_cuts_them_is_seen(
    request_for: MakeRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    free, long = (measured(request_for(prompt_len=length)) for length in (None, 60))
    lengths = {"prompt_len": (None, 60)}
    finding = axis_effect.judge(context_of(long, [free], axes=lengths))
    asked = sum(sample.added_tokens for sample in long.samples)
    assert finding.verdict == "pass" and asked > 100
    assert f"{asked:+,} text tokens over 4 samples, {asked:+,} prompt tokens read" in finding.evidence

    whole = Llava.encode

    def cut(family: Llava, processor: Any, images: Any, prompts: list[str], **options: Any) -> Any:
        return whole(family, processor, images, [prompt[:-40] for prompt in prompts], **options)

    monkeypatch.setattr(Llava, "encode", cut)
    finding = axis_effect.judge(context_of(measured(request_for(prompt_len=60)), [free], axes=lengths))
    assert finding.verdict == "fail" and "text tokens over 4 samples" in finding.evidence


@pytest.mark.parametrize(("architecture", "verdict"), [("llava", "fail"), ("qwen2_5_vl", "pass")])
def test_a_image_size_that_the_processor_undoes_is_seen(
    architecture: str, verdict: str, request_for: MakeRequest
) -> None:
    small, large = (measured(request_for(architecture, image_size=size)) for size in (56, 112))
    assert axis_effect.judge(context_of(large, [small], axes={"image_size": (56, 112)})).verdict == verdict


def test_padding_on_the_wrong_side_changes_answers(
    request_for: MakeRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(batch_size: int) -> RunRecord:
        return measured(of_several_lengths(request_for(batch_size=batch_size, protocol=PROTOCOL)))

    alone, together = run(1), run(4)
    assert batch_invariance.judge(context_of(together, [alone])).verdict == "pass"
    monkeypatch.setattr(Llava, "padding_side", "right")
    finding = batch_invariance.judge(context_of(run(4), [alone]))
    assert (
        finding.verdict == "fail" and "3 of 4 answers differ from those at batch size 1" in finding.evidence
    )


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_answers_that_a_narrow_dtype_rounds_otherwise_in_a_batch_are_counted(
    dtype: Any, request_for: MakeRequest
) -> None:
    protocol = PROTOCOL.model_copy(update={"stages": False})
    asked = OptimizationConfig(dtype=dtype)
    alone, together = (
        measured(of_several_lengths(request_for(batch_size=size, protocol=protocol, optimization=asked)))
        for size in (1, 4)
    )
    changed = sum(
        one.answer != other.answer for one, other in zip(alone.samples, together.samples, strict=True)
    )
    finding = batch_invariance.judge(context_of(together, [alone]))
    assert finding.evidence.startswith(f"{changed} of 4 answers differ from those at batch size 1")
    assert finding.verdict == ("fail" if changed else "pass"), (
        "one of four is beyond the 5 % that rounding may do unmarked"
    )


def test_one_text_for_every_sample_is_seen(request_for: MakeRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    def same(_: Llava, processor: Any, tokens: torch.Tensor) -> list[str]:
        return ["a red circle"] * len(tokens)

    request = request_for()
    request = dataclasses.replace(request, checkpoint=replace(request.checkpoint, random_weights=False))
    monkeypatch.setattr(Llava, "answers", same)
    finding = answers.judge(context_of(measured(request)))
    assert finding.verdict == "fail" and finding.evidence.startswith("1 distinct answers to 4 samples")


def test_a_stage_left_out_is_seen(request_for: MakeRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = parts_sum.judge(context_of(measured(request_for(protocol=STAGES))))
    assert "belongs to no stage" not in whole.evidence or whole.verdict == "pass", (
        "noise against the headline is another matter"
    )
    monkeypatch.setattr(stages, "STAGES", tuple(stage for stage in stages.STAGES if stage != "decode"))
    finding = parts_sum.judge(context_of(measured(request_for(protocol=STAGES))))
    assert (finding.verdict, finding.figures) == ("fail", ("stages",))
    assert "of the end-to-end time belongs to no stage" in finding.evidence
