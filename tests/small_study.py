"""A small study of two models, one of random weights, along three axes on a CPU."""

from __future__ import annotations

from typing import Any

from factories import identity_of, make_failed_record, make_record

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
