"""A small study on disk, from settings and one function that answers each run with a record."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from factories import identity_of, make_failed_record, make_record
from study_folder import StudyFolder, write_study

from vlm_profiling.record.schema import RunRecord
from vlm_profiling.study import Run

SETTINGS: dict[str, Any] = {
    "name": "shapes",
    "models": {"trained": {"folder": "checkpoints/trained"}, "random": {"tiny": "llava"}},
    "datasets": {"vqa": {"package": "easy-vqa"}},
    "optimizations": {
        "fp32": {"dtype": "float32"},
        "flash": {"dtype": "float16", "attention": "flash_attention_2"},
    },
    "baseline": {"device": "cpu", "optimization": "fp32", "batch_size": 2},
    "axes": {
        "batch_size": {"values": [1, 2, 4]},
        "image_size": {"values": [None, 64], "models": ["trained"]},
        "optimization": {"values": ["fp32", "flash"]},
    },
}
"""Two models, one of random weights, along three axes on a CPU."""


def answer(run: Run) -> RunRecord:
    """Every run succeeds, but flash attention is unsupported and the largest batch of random weights does not
    fit.
    """
    if run.point.optimization == "flash":
        return make_failed_record("unsupported", "flash-attn is not installed", **identity_of(run))
    if run.point.batch_size == 4 and run.model == "random":
        return make_failed_record("oom", "tried to allocate 2.5 GiB", **identity_of(run))
    accuracy = None if run.model == "random" else 0.75
    return make_record(generate_s=0.02 * run.point.batch_size, accuracy=accuracy, **identity_of(run))


@pytest.fixture
def usual_answer() -> Callable[[Run], RunRecord]:
    return answer


@pytest.fixture
def make_study(tmp_path) -> Callable[..., StudyFolder]:
    """Write a study's description, costs and records: `make_study(answer, **changed_settings)`."""

    def make(answer: Callable[[Run], RunRecord] = answer, **changes: Any) -> StudyFolder:
        return write_study(tmp_path, SETTINGS | changes, answer)

    return make
