"""The six tiny checkpoints, built once, and images and requests of uneven sizes to give them."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from vlm_profiling.engines.transformers.loader import LoadedCheckpoint, load_checkpoint
from vlm_profiling.models.describe import describe_checkpoint
from vlm_profiling.models.tiny import TINY_ARCHITECTURES
from vlm_profiling.record.manifests import CheckpointManifest
from vlm_profiling.study.inputs import ModelConfig

REQUESTS = [
    "what is written on the sign above the door?",
    "how many?",
    "describe this image in one sentence, naïvely: 42 €",
    "which of these animals lives in water? choose one: a horse, a whale, a goat, an owl.",
]


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("project")


@pytest.fixture(scope="session")
def manifests(project: Path) -> dict[str, CheckpointManifest]:
    """Manifests of the six, by architecture."""
    return {
        name: describe_checkpoint(name, ModelConfig(tiny=name), project, project / name)
        for name in TINY_ARCHITECTURES
    }


@pytest.fixture(scope="session")
def load(project: Path, manifests: dict[str, CheckpointManifest]) -> Callable[..., LoadedCheckpoint]:
    """Load one of the six on the CPU; the same one again costs nothing."""

    @cache
    def load(architecture: str, dtype: str = "float32", attention: str = "sdpa") -> LoadedCheckpoint:
        return load_checkpoint(
            manifests[architecture], project, device="cpu", dtype=dtype, attention=attention
        )

    return load


@pytest.fixture(scope="session", params=TINY_ARCHITECTURES)
def architecture(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="session")
def loaded(load: Callable[..., LoadedCheckpoint], architecture: str) -> LoadedCheckpoint:
    """Each of the six in turn, in float32 with sdpa."""
    return load(architecture)


@pytest.fixture(scope="session")
def images() -> list[Image.Image]:
    """Four images of noise: wide, high, square, and narrow; width x height 80 x 60, 60 x 80, 60 x 60, 40 x
    100.
    """
    noise = np.random.default_rng(0)
    sizes = [(60, 80), (80, 60), (60, 60), (100, 40)]
    return [Image.fromarray(noise.integers(0, 256, (*size, 3), dtype=np.uint8)) for size in sizes]


@pytest.fixture(scope="session")
def requests() -> list[str]:
    return REQUESTS
