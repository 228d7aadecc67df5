"""A whole run of a model on two GPUs, pretended on the CPU: its record says where it lay, and what each GPU
held.
"""

from __future__ import annotations

import json

import pytest
from fakes.pretended_gpus import pretended_gpus

from vlm_profiling.measure.outcomes import MachineError
from vlm_profiling.measure.run import profile
from vlm_profiling.measure.terminal.summary import summarise
from vlm_profiling.study.config import ProtocolConfig, RepeatsConfig, WarmupConfig
from vlm_profiling.study.inputs import OptimizationConfig

PROTOCOL = ProtocolConfig(
    max_new_tokens=3,
    layers=True,
    warmup=WarmupConfig(window=2, max_batches=2),
    repeats=RepeatsConfig(max_s=0.1),
)


@pytest.mark.parametrize("architecture", ["llava", "blip2-opt"])
def test_the_record_of_a_run_on_two_gpus(request_for, architecture: str, monkeypatch) -> None:
    request = request_for(architecture, device="cuda", gpus=2, batch_size=2, protocol=PROTOCOL)
    alone = profile(request_for(architecture, batch_size=2))
    with pretended_gpus(monkeypatch, 2):
        record = profile(request)

    assert record.status == "ok", record.failure
    assert [sample.answer for sample in record.samples] == [sample.answer for sample in alone.samples]
    assert record.checkpoint is not None and alone.checkpoint is not None
    assert len(record.checkpoint.weight_bytes_by_gpu) == 2 and all(record.checkpoint.weight_bytes_by_gpu)
    assert (
        sum(record.checkpoint.weight_bytes_by_gpu)
        == record.checkpoint.weight_bytes
        == alone.checkpoint.weight_bytes
    )
    assert record.memory is not None and len(record.memory.peaks_by_gpu) == 2
    assert record.stages is not None and {"vision", "project", "prefill", "decode"} <= set(
        record.stages.times
    )
    assert record.layers is not None and 0 < record.layers.coverage <= 1
    assert record.energy is not None and record.energy.gpu is None
    assert (
        record.energy.absent["gpu"]
        == record.environment.absent["gpu"]
        == "no NVIDIA driver on this host (NVML is not there)"
    )
    assert json.loads(record.spec)["model"]["gpus"] == 2
    assert "0 + 0 MiB allocated, each one's own peak" in summarise(record)


def test_too_few_gpus_are_an_error_that_says_how_many_are_seen(request_for, monkeypatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3")
    with (
        pretended_gpus(monkeypatch, 1),
        pytest.raises(MachineError, match=r"gpus: 2, but this process sees 1 \(CUDA_VISIBLE_DEVICES: 3\)"),
    ):
        profile(request_for(device="cuda", gpus=2))


def test_a_compiled_model_on_several_gpus_is_unsupported(request_for, monkeypatch) -> None:
    compiled = OptimizationConfig(dtype="float32", compile=True)
    with pretended_gpus(monkeypatch, 2):
        record = profile(request_for(device="cuda", gpus=2, optimization=compiled))
    assert record.status == "unsupported" and record.failure is not None
    assert record.failure.reason == "compile with gpus: 2: the hooks between GPUs break every graph"


def test_on_the_cpu_a_model_of_several_gpus_runs_as_any_other(request_for) -> None:
    record = profile(request_for(gpus=1))
    assert record.status == "ok" and record.environment.gpus == []
    assert record.checkpoint is not None and record.checkpoint.weight_bytes_by_gpu == []
