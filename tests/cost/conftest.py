"""The six tiny checkpoints, loaded once, each with the cost functions counted from its manifest."""

from __future__ import annotations

from pathlib import Path

import pytest
from tiny_costs import counted_cost

from vlm_profiling.cost.functions import ModelCost
from vlm_profiling.engines.transformers.loader import LoadedCheckpoint, load_checkpoint
from vlm_profiling.models.describe import describe_checkpoint
from vlm_profiling.models.tiny import TINY_ARCHITECTURES
from vlm_profiling.record.manifests import CheckpointManifest
from vlm_profiling.study.inputs import ModelConfig


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("project")


@pytest.fixture(scope="session", params=TINY_ARCHITECTURES)
def manifest(project: Path, request: pytest.FixtureRequest) -> CheckpointManifest:
    """Each of the six in turn."""
    return describe_checkpoint(
        request.param, ModelConfig(tiny=request.param), project, project / request.param
    )


@pytest.fixture(scope="session")
def loaded(project: Path, manifest: CheckpointManifest) -> LoadedCheckpoint:
    return load_checkpoint(manifest, project, device="cpu", dtype="float32", attention="sdpa")


@pytest.fixture(scope="session")
def cost(project: Path, manifest: CheckpointManifest) -> ModelCost:
    return counted_cost(manifest, project)
