"""A forced attention kernel is the one that runs, so is a static cache, and a device's lack is a reason."""

from __future__ import annotations

from collections.abc import Callable
from typing import NoReturn

import pytest
import torch.profiler

from vlm_profiling.engines.base import KernelCalls
from vlm_profiling.engines.transformers.kernels import BACKENDS, force_attention_backend
from vlm_profiling.measure.passes.headline import InputBatch, Session, prepared_inputs, run_batch
from vlm_profiling.measure.request import RunRequest
from vlm_profiling.measure.run import profile
from vlm_profiling.models.tiny import TINY_ARCHITECTURES
from vlm_profiling.record.absent import Absent
from vlm_profiling.study.inputs import STANDARD_OPTIMIZATIONS, OptimizationConfig

MakeRequest = Callable[..., RunRequest]
MakeSession = Callable[..., tuple[Session, list[InputBatch]]]


def calls_in(session: Session, batch: InputBatch) -> KernelCalls:
    """The kernels that the engine names for a batch."""
    kernels = session.loaded.capabilities.kernels
    assert not isinstance(kernels, Absent)
    return kernels(prepared_inputs(session, batch))


def test_every_kernel_that_a_study_can_force_is_known_to_torch() -> None:
    from torch.nn.attention import SDPBackend

    assert set(BACKENDS.values()) <= set(SDPBackend.__members__)
    assert {one.attention for one in STANDARD_OPTIMIZATIONS.values()} - {
        "eager",
        "sdpa",
        "flash_attention_2",
    } == set(BACKENDS)


@pytest.mark.parametrize("architecture", TINY_ARCHITECTURES)
def test_the_kernel_asked_for_is_the_only_one_and_changes_no_answer(
    architecture: str, session_for: MakeSession
) -> None:
    session, batches = session_for(architecture, batch_size=2)
    free = run_batch(session, batches[0]).answers
    for attention in ("sdpa-math", "sdpa-flash"):
        with force_attention_backend(OptimizationConfig(dtype="float32", attention=attention)):
            assert run_batch(session, batches[0]).answers == free
            assert list(calls_in(session, batches[0]).attention) == [attention]


def test_attention_in_plain_operators_runs_no_fused_kernel(session_for: MakeSession) -> None:
    session, batches = session_for(optimization=OptimizationConfig(dtype="float32", attention="eager"))
    assert calls_in(session, batches[0]) == ({}, {})


@pytest.mark.parametrize("attention", ["sdpa-efficient", "sdpa-cudnn"])
def test_a_kernel_that_the_device_lacks_is_unsupported(attention: str, request_for: MakeRequest) -> None:
    record = profile(request_for(optimization=OptimizationConfig(dtype="float32", attention=attention)))
    assert record.status == "unsupported" and record.failure
    assert (
        record.failure.reason
        == f"attention {attention}: torch has no such kernel for these tensors on this device"
    )


def test_a_cache_that_the_model_lacks_is_unsupported_and_other_errors_stay_what_they_are() -> None:
    asked = OptimizationConfig(dtype="float32", attention="sdpa", cache="static")
    with (
        pytest.raises(Exception, match="cache static: the model's class does not support it"),
        force_attention_backend(asked),
    ):
        raise ValueError("This model does not support `cache_implementation='static'`. Please check ...")
    with pytest.raises(ValueError, match="another"), force_attention_backend(asked):
        raise ValueError("another")
    with pytest.raises(RuntimeError, match="another"), force_attention_backend(asked):
        raise RuntimeError("another")


def test_a_profiler_that_fails_takes_no_finished_figure_with_it(
    request_for: MakeRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuses(*arguments: object, **options: object) -> NoReturn:
        raise RuntimeError("the profiler is already enabled on this thread")

    monkeypatch.setattr(torch.profiler, "profile", refuses)
    record = profile(request_for())
    assert record.status == "ok" and record.headline and record.checkpoint
    assert record.checkpoint.attention_kernels is None
    assert (
        record.checkpoint.absent["attention_kernels"]
        == "RuntimeError: the profiler is already enabled on this thread"
    )


@pytest.mark.parametrize("architecture", ["llava", "blip2-t5"])
def test_a_static_cache_gives_the_same_answers_and_says_what_it_is(
    architecture: str, request_for: MakeRequest
) -> None:
    growing, static = (
        profile(
            request_for(
                architecture, batch_size=2, optimization=OptimizationConfig(dtype="float32", cache=cache)
            )
        )
        for cache in (None, "static")
    )
    assert growing.memory and static.memory and static.status == "ok", static.failure
    assert (growing.memory.cache_layers, static.memory.cache_layers) == ("DynamicLayer", "StaticLayer")
    assert [sample.answer for sample in static.samples] == [sample.answer for sample in growing.samples]
    assert growing.checkpoint and list(growing.checkpoint.attention_kernels or {}) == ["sdpa-flash"]
