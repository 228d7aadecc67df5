"""A run's record: what was asked, what ran, and figures that agree with each other."""

from __future__ import annotations

import gzip
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
import torch

from vlm_profiling.datasets.candidates import DatasetError
from vlm_profiling.measure.outcomes import MachineError
from vlm_profiling.measure.request import RunRequest
from vlm_profiling.measure.run import profile
from vlm_profiling.measure.terminal.summary import summarise
from vlm_profiling.models.llava.family import Llava
from vlm_profiling.models.tiny import TINY_ARCHITECTURES
from vlm_profiling.record.files import decode_record
from vlm_profiling.record.schema import RunRecord
from vlm_profiling.study.config import ProtocolConfig, RepeatsConfig, WarmupConfig
from vlm_profiling.study.inputs import OptimizationConfig

MakeRequest = Callable[..., RunRequest]

FEW = RepeatsConfig(max_s=0.1)


def measured(request: RunRequest) -> RunRecord:
    record = profile(request)
    assert record.status == "ok", record.failure
    assert record.headline and record.checkpoint and record.warmup and record.quality
    return record


@pytest.mark.parametrize("architecture", TINY_ARCHITECTURES)
def test_every_architecture_runs_and_its_record_reads_back(
    architecture: str, request_for: MakeRequest
) -> None:
    record = measured(request_for(architecture, batch_size=3))
    assert decode_record(msgspec.json.encode(record)) == record
    assert [batch.rows for batch in record.batches] == [3, 1]
    assert [batch.generated_tokens for batch in record.batches] == [3, 3]
    assert [sample.batch for sample in record.samples] == [0, 0, 0, 1]
    assert all(
        sample.prompt_tokens <= record.batches[sample.batch].prompt_tokens for sample in record.samples
    )
    assert all(0 < sample.image_tokens < sample.prompt_tokens for sample in record.samples)
    assert all(sample.image_size == (32, 32) and sample.generated_tokens == 3 for sample in record.samples)


def test_figures_per_batch_use_full_batches_only(request_for: MakeRequest) -> None:
    headline = measured(request_for(batch_size=3)).headline
    assert headline and headline.generate.n == headline.end_to_end.n == 1
    assert headline.partial_batch and headline.partial_batch.rows == 1
    assert headline.generate_per_sample.mean_s == pytest.approx(headline.generate.mean_s / 3)


def test_end_to_end_is_the_sum_of_its_parts(request_for: MakeRequest) -> None:
    record = measured(request_for(batch_size=2))
    for batch in record.batches:
        parts = batch.preprocess_s + batch.transfer_s + batch.generate_s + batch.detokenise_s
        assert batch.end_to_end_s == pytest.approx(parts, rel=1e-9)
        assert min(batch.preprocess_s, batch.generate_s, batch.detokenise_s) > 0
    assert record.headline
    total_s = sum(batch.end_to_end_s for batch in record.batches)
    assert record.headline.samples_per_s == pytest.approx(4 / total_s)
    assert record.headline.output_tokens_per_s == pytest.approx(12 / total_s)
    rates = record.headline.samples_per_s_interval, record.headline.output_tokens_per_s_interval
    for rate, ratio in zip(rates, (4 / total_s, 12 / total_s), strict=True):
        assert rate
        assert rate.mean == pytest.approx(ratio)
        assert rate.low < ratio < rate.high


def test_inputs_prepared_beforehand_or_between_batches_give_the_same_answers(
    request_for: MakeRequest,
) -> None:
    cached = measured(request_for(protocol=ProtocolConfig(max_new_tokens=3, cached=True, repeats=FEW)))
    inline = measured(request_for(protocol=ProtocolConfig(max_new_tokens=3, cached=False, repeats=FEW)))
    assert [sample.answer for sample in cached.samples] == [sample.answer for sample in inline.samples]
    assert [sample.prompt_tokens for sample in cached.samples] == [
        sample.prompt_tokens for sample in inline.samples
    ]


def test_random_weights_generate_a_fixed_length_and_have_no_quality(request_for: MakeRequest) -> None:
    record = measured(request_for())
    assert {sample.generated_tokens for sample in record.samples} == {3}
    assert record.quality and record.quality.wer is None and "random" in record.quality.absent["wer"]


def test_a_missing_meter_is_a_reason_and_not_a_zero(request_for: MakeRequest) -> None:
    energy = measured(request_for()).energy
    assert energy and energy.gpu is None and energy.absent["gpu"] == "the run's device is cpu"
    assert energy.cpu is not None or energy.absent["cpu"]


def test_the_record_says_what_was_loaded(request_for: MakeRequest) -> None:
    bfloat16 = OptimizationConfig(dtype="bfloat16", attention="eager")
    checkpoint = measured(request_for(optimization=bfloat16)).checkpoint
    assert checkpoint
    assert checkpoint.dtypes == {"bfloat16": checkpoint.parameters}
    assert checkpoint.attention == "eager"
    assert checkpoint.weight_bytes == pytest.approx(2 * checkpoint.parameters, rel=0.01)
    assert checkpoint.compiled_frames is None


def test_the_warm_up_says_why_it_stopped(request_for: MakeRequest) -> None:
    def warmed_up(**settings: Any) -> tuple[int, str]:
        protocol = ProtocolConfig(
            max_new_tokens=1, warmup=WarmupConfig(**settings), stages=False, repeats=FEW
        )
        warmup = measured(request_for(protocol=protocol)).warmup
        assert warmup
        return warmup.batches, warmup.stopped

    assert warmed_up(window=3, max_cv=1.0) == (3, "steady")
    assert warmed_up(window=3, max_cv=1e-9, max_batches=5) == (5, "batch cap")
    assert warmed_up(window=3, max_cv=1e-9, max_batches=1000, max_s=1e-3)[1] == "time cap"


def test_an_unsupported_attention_is_an_outcome(request_for: MakeRequest) -> None:
    flash = OptimizationConfig(dtype="float32", attention="flash_attention_2")
    record = profile(request_for(optimization=flash))
    assert record.status == "unsupported"
    assert record.failure and "flash" in record.failure.reason.lower() and record.failure.stage == "load"
    assert record.headline is None and record.samples == []


def test_a_run_over_its_limit_is_a_timeout(request_for: MakeRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    finished: list[bool] = []

    def slowly(*_: object, **__: object) -> list[str]:
        time.sleep(20)
        finished.append(True)
        return []

    monkeypatch.setattr(Llava, "answers", slowly)
    record = profile(request_for(protocol=ProtocolConfig(max_new_tokens=1, timeout_s=1.0)))
    assert not finished
    assert record.status == "timeout"
    assert record.failure and "timeout_s = 1 s" in record.failure.reason and record.failure.stage == "warm-up"


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB"), "oom"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"), "oom"),
        (MemoryError(), "oom"),
        (RuntimeError("shapes do not match"), "error"),
        (ValueError("line one\nline two"), "error"),
    ],
)
def test_errors_of_the_model_are_typed_outcomes(
    error: Exception, status: str, request_for: MakeRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(Llava, "new_tokens", fail)
    record = profile(request_for())
    assert record.status == status
    assert (
        record.failure
        and record.failure.stage == "warm-up"
        and "\n" not in record.failure.reason
        and record.failure.reason
    )
    assert type(error).__name__ in record.failure.exception


def test_several_frames_of_a_image_are_unsupported(request_for: MakeRequest) -> None:
    record = profile(request_for(frames=4))
    assert record.status == "unsupported" and record.failure and "frames = 4" in record.failure.reason


def test_a_prompt_longer_than_the_models_context_is_unsupported(request_for: MakeRequest) -> None:
    request = request_for("blip2-opt")
    request.samples[1] = msgspec.structs.replace(request.samples[1], request="what ? " * 500)
    record = profile(request)
    assert record.status == "unsupported"
    assert (
        record.failure and "the model has 512" in record.failure.reason and record.failure.stage == "prepare"
    )


@pytest.mark.skipif(torch.cuda.is_available(), reason="a GPU is here")
def test_an_absent_gpu_fails_the_job_and_records_nothing(request_for: MakeRequest) -> None:
    with pytest.raises(MachineError, match="torch sees no CUDA GPU"):
        profile(request_for(device="cuda"))


def test_a_image_that_changed_fails_the_job(request_for: MakeRequest) -> None:
    request = request_for()
    sample = msgspec.structs.replace(request.samples[0], image_sha256="0" * 64)
    request.samples[0] = sample
    with pytest.raises(DatasetError, match="changed"):
        profile(request)


def test_the_summary_tells_status_and_reason(request_for: MakeRequest) -> None:
    assert "ms a batch" in summarise(measured(request_for()))
    failed = summarise(profile(request_for(frames=2)))
    assert "unsupported" in failed and "frames = 2" in failed


@pytest.mark.slow
@pytest.mark.parametrize("architecture", TINY_ARCHITECTURES)
def test_compile_compiles_what_generate_calls_and_changes_no_answer(
    architecture: str, request_for: MakeRequest
) -> None:
    torch._dynamo.reset()  # a run has its own process; here earlier models use up the limit of graphs
    eager = measured(request_for(architecture, batch_size=4))
    optimization, protocol = (
        OptimizationConfig(dtype="float32", compile=True),
        ProtocolConfig(max_new_tokens=3, layers=True),
    )
    compiled = measured(request_for(architecture, batch_size=4, optimization=optimization, protocol=protocol))
    assert compiled.stages and "decode" in compiled.stages.times
    assert compiled.layers is None and "compiled" in compiled.absent["layers"]
    assert compiled.checkpoint and compiled.checkpoint.compiled_frames
    assert compiled.checkpoint.compile_s and compiled.checkpoint.compile_s > 0
    assert [sample.answer for sample in compiled.samples] == [sample.answer for sample in eager.samples]


def test_stages_are_measured_unless_refused_and_layers_and_trace_when_asked(
    request_for: MakeRequest, tmp_path: Path
) -> None:
    trace = tmp_path / "run.trace.json.gz"
    record = profile(request_for(), trace)
    assert record.stages and record.serving and record.layers is None and not trace.exists()
    assert {len(seconds) for seconds in record.stages.seconds.values()} == {len(record.batches)} == {4}
    protocol = ProtocolConfig(max_new_tokens=2, stages=False, layers=True, trace=True)
    record = profile(request_for(protocol=protocol), trace)
    assert record.stages is None and record.serving is None and record.layers
    events = json.loads(gzip.decompress(trace.read_bytes()))["traceEvents"]
    assert any(event.get("name") == "aten::mm" for event in events)


def test_a_failure_inside_a_later_pass_names_it(
    request_for: MakeRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Llava, "stage_modules", lambda *_: {"model.no_such_module": "vision"})
    record = profile(request_for())
    assert record.status == "error" and record.failure and record.failure.stage == "stages"
