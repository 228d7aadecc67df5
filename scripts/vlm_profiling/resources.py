"""The resources that a run asks of Snakemake and of a cluster: memory, time, GPUs."""

from __future__ import annotations

import math
import os
from functools import cache
from pathlib import Path

import msgspec

from vlm_profiling.record.manifests import CheckpointManifest, read_manifest
from vlm_profiling.study import ConfigError, Run, Study
from vlm_profiling.study.dtypes import ITEM_BYTES
from vlm_profiling.study.errors import Problem

BASE_MEMORY_MB = 2500
"""Of a run besides its weights: libraries (640 MiB, cost/memory/predict.py), Snakemake twice (260 MB), a
CPU's activations, images.
"""
MEMORY_PER_WEIGHT = 1.5
"""Files are mapped and copied shard by shard. An assumption for host memory until run on a GPU."""
BESIDE_RUN_S = 600
"""Of a job besides its run's own time limit: start, import, a cold file system."""


def memory_mb(study: Study, run: Run, checkpoint: Path, cost: Path) -> int:
    """The host memory to ask for a run at its first attempt, in MB: an estimate from its weights.

    Weights that are drawn have no files: their bytes are those of the counted parameters in the run's dtype.

    Args:
        study: the run's study.
        run: the run.
        checkpoint: manifest of the prepared checkpoint.
        cost: the model's cost functions.

    Raises:
        FileNotFoundError: the checkpoint is not prepared, or its cost not counted, with the file's name for
            Snakemake: a plan then has no figure.
    """
    for path in (checkpoint, cost):
        os.stat(str(path))  # noqa: PTH116 - a Path would put a Path into the error, which Snakemake does not know
    weight_bytes = read_manifest(checkpoint, CheckpointManifest).weight_bytes
    if weight_bytes is None:
        dtype = study.optimizations[run.point.optimization].dtype
        weight_bytes = _counted_parameters(cost) * ITEM_BYTES[dtype]
    return BASE_MEMORY_MB + int(MEMORY_PER_WEIGHT * weight_bytes / 1e6)


def runtime_minutes(study: Study) -> int:
    """The time to ask for a run at its first attempt, in minutes: beyond its own limit, so that a slow run
    ends as a record, not as a killed job.
    """
    return math.ceil((study.protocol.timeout_s + BESIDE_RUN_S) / 60)


def gpu_model(study: Study, device: str) -> str:
    """The kind of GPU to ask for, in SLURM's words: the declared hardware; empty for a run without a GPU."""
    return study.hardware or "" if device == "cuda" else ""


def require_gpus(study: Study, runs: list[Run], budget: int) -> None:
    """Refuse a study with a run that needs more GPUs than the workflow may hold at a time: Snakemake would
    cut what the run asks for down to the budget, and start it.

    Args:
        study: the study.
        runs: its runs.
        budget: the number of GPUs that the workflow may hold.

    Raises:
        ConfigError: names each model that asks for too many.
    """
    asked = {run.model: run.spec.gpus for run in runs if run.spec.gpus > budget}
    allowed = f"allowed: up to {budget}, or gpu=N in the profile where N are there"
    problems = [
        Problem(f"models.{model}.gpus", f"more than --resources gpu={budget}; {allowed}", gpus)
        for model, gpus in asked.items()
    ]
    if problems:
        raise ConfigError(problems, study.name)


@cache
def _counted_parameters(cost: Path) -> int:
    """The parameters of a model, from the file of its cost functions."""
    return msgspec.json.decode(cost.read_bytes(), type=_Counted).parameters


class _Counted(msgspec.Struct):
    """The field that is read of a cost file here: rules need not import the cost functions."""

    parameters: int
