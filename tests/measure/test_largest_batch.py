"""A record holds what was predicted of the largest batch's memory, what it measured, and how far apart they
are.
"""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from tiny_costs import counted_cost

from vlm_profiling.engines.transformers import engine
from vlm_profiling.measure.request import RunRequest
from vlm_profiling.measure.run import profile
from vlm_profiling.models.tiny import TINY_ARCHITECTURES
from vlm_profiling.record.files import read_record
from vlm_profiling.record.manifests import CheckpointManifest
from vlm_profiling.study.inputs import OptimizationConfig

SCRIPTS = Path(__file__).parents[2] / "scripts"


def with_cost(request: RunRequest) -> RunRequest:
    return dataclasses.replace(request, cost=counted_cost(request.checkpoint, request.project))


@pytest.mark.parametrize("architecture", TINY_ARCHITECTURES)
def test_the_cache_is_as_predicted_and_the_allocations_nearly(
    request_for: Callable[..., RunRequest], architecture: str
) -> None:
    memory = profile(with_cost(request_for(architecture, batch_size=2))).memory
    assert memory is not None
    assert memory.predicted is not None
    assert memory.predicted.basis == "the prepared batches"
    assert memory.kv_cache_bytes == memory.predicted.kv_cache_bytes
    assert memory.predicted_over_allocated == pytest.approx(1, abs=0.05)  # most of it is weights
    parts = ("weight_bytes", "kv_cache_bytes", "activation_bytes", "overhead_bytes")
    assert memory.predicted.peak_bytes == sum(getattr(memory.predicted, part) for part in parts)
    assert memory.absent.keys() == {"peak_reserved_bytes"}


def test_without_a_cost_there_is_a_reason_and_the_rest_is_measured(
    request_for: Callable[..., RunRequest],
) -> None:
    memory = profile(request_for("llava", batch_size=2)).memory
    assert memory is not None
    assert memory.absent["predicted"] == "the model's cost was not given"
    assert memory.kv_cache_bytes
    assert memory.peak_allocated_bytes


@pytest.mark.slow
def test_a_compiled_model_says_why_its_allocations_are_not_seen(
    request_for: Callable[..., RunRequest],
) -> None:
    compiled = OptimizationConfig(dtype="float32", compile=True)
    memory = profile(with_cost(request_for("llava", batch_size=2, optimization=compiled))).memory
    assert memory is not None
    assert memory.absent["peak_allocated_bytes"] == "compiled code allocates unseen by torch's dispatcher"
    assert memory.predicted_over_allocated is None
    assert memory.kv_cache_bytes == (memory.predicted.kv_cache_bytes if memory.predicted else None)


@pytest.mark.parametrize(
    "error",
    [MemoryError(), RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: 9 bytes")],
)
def test_a_run_that_finds_no_memory_still_holds_what_was_predicted(
    request_for: Callable[..., RunRequest], monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fail(*_arguments: object, **_named: object) -> None:
        raise error

    monkeypatch.setattr(engine, "load_checkpoint", fail)
    record = profile(with_cost(request_for("llava")))
    assert record.status == "oom"
    assert record.memory is not None
    assert record.memory.predicted is not None
    assert record.memory.predicted.weight_bytes > 1_000_000
    assert "estimate" in record.memory.predicted.basis


LIMITED = """
import resource, runpy, sys
from pathlib import Path
import vlm_profiling.measure.run as run

make_batches = run.make_batches

def limited(*arguments):
    in_use = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (in_use + 2**27, in_use + 2**27))
    return make_batches(*arguments)

run.make_batches = limited
runpy.run_path(sys.argv.pop(1), run_name="__main__")
"""
"""A run that may hold 128 MiB more, once its model is loaded."""


def test_a_run_that_the_kernel_refuses_memory_is_a_record_and_no_failed_job(
    shapes: Path, tiny: Callable[[str], tuple[Path, CheckpointManifest]], tmp_path: Path
) -> None:
    """Images of 8192 x 8192 pixels take 200 MB each."""
    project, manifest = tiny("llava")
    script, output = SCRIPTS / "profile_run.py", tmp_path / "record.json"
    arguments = ["--src_folder", shapes, "--model_name", project / str(manifest.folder), "--device", "cpu"]
    arguments += ["--optimization", "fp32", "--img_size", "8192", "--cached", "--output", output]
    environment = {**os.environ, "PYTHONPATH": str(SCRIPTS)}
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, script, *arguments], env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    record = read_record(output)
    assert record.status == "oom"
    assert record.failure is not None
    assert (record.failure.exception, record.failure.stage) == ("builtins.MemoryError", "prepare")
