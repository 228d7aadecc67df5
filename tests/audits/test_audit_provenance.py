"""Runs of one table are made of the same things."""

from __future__ import annotations

from typing import Any

import pytest
from auditing import context_of
from factories import make_environment, make_record
from msgspec.structs import replace

from vlm_profiling.audits import provenance
from vlm_profiling.record.schema import Dataset
from vlm_profiling.study.point import Point

ENVIRONMENT = make_environment("cuda")
CUDA = Point(device="cuda", optimization="fp32", batch_size=2)
OTHERS = [make_record(point=CUDA, seed=seed) for seed in range(3)]


def test_runs_of_one_origin_pass() -> None:
    finding = provenance.judge(context_of(OTHERS[0], OTHERS[1:]))
    assert finding.verdict == "pass" and "measuring code" in finding.evidence and "driver" in finding.evidence


@pytest.mark.parametrize(
    ("difference", "evidence"),
    [
        ({"code_sha256": "0" * 64}, "measuring code 0000000000, but cccccccccc in 3 of 4 runs"),
        (
            {"dataset": Dataset(source="x", content_sha256="0" * 64, samples=8)},
            "data set shapes 0000000000, but dddddddddd",
        ),
        (
            {"environment": replace(ENVIRONMENT, container="sha256:0")},
            "container sha256:0, but none in 3 of 4 runs",
        ),
        (
            {"environment": replace(ENVIRONMENT, packages={"torch": "2.11.0"})},
            "torch 2.11.0, but 2.13.0 in 3 of 4 runs",
        ),
        (
            {"environment": replace(ENVIRONMENT, gpu=replace(ENVIRONMENT.gpu, driver="550.1"))},
            "driver 550.1, but 570.86",
        ),
        (
            {"environment": replace(ENVIRONMENT, gpu=replace(ENVIRONMENT.gpu, name="NVIDIA A10"))},
            "GPU NVIDIA A10, but NVIDIA H100",
        ),
    ],
)
def test_a_run_of_another_origin_is_found(difference: dict[str, Any], evidence: str) -> None:
    foreign = make_record(point=CUDA, **difference)
    finding = provenance.judge(context_of(foreign, OTHERS))
    assert finding.verdict == "fail" and evidence in finding.evidence
    assert "latency" in finding.figures and "quality" in finding.figures


def test_the_runs_of_the_usual_origin_pass_and_of_two_equal_origins_both_fail() -> None:
    foreign = make_record(point=CUDA, code_sha256="0" * 64)
    assert provenance.judge(context_of(OTHERS[0], [*OTHERS[1:], foreign])).verdict == "pass"
    for one, other in ((OTHERS[0], foreign), (foreign, OTHERS[0])):
        assert provenance.judge(context_of(one, [other])).verdict == "fail"


def test_a_cpu_run_beside_gpu_runs_is_not_foreign() -> None:
    assert provenance.judge(context_of(make_record(), OTHERS)).verdict == "pass"


def test_packages_that_differ_from_the_lock_are_told() -> None:
    drifted = make_record(
        environment=replace(make_environment(), lock_differences=["torch 2.11.0, lock 2.13.0"])
    )
    finding = provenance.judge(context_of(drifted))
    assert (
        finding.verdict == "warn"
        and finding.evidence == "installed packages differ from the lock: torch 2.11.0, lock 2.13.0"
    )
