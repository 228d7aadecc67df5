"""What measuring tests share: a machine with NVIDIA boards, tiny checkpoints and a folder of images, each
made once.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from other_families import ASKED_NOTHING, OTHER_FAMILIES, build_other_checkpoint
from small_project import draw_shapes

from vlm_profiling.datasets.read import open_media, read_source_folder
from vlm_profiling.engines.base import EngineOptions
from vlm_profiling.engines.transformers.events import HostClock
from vlm_profiling.engines.transformers.loader import load_checkpoint
from vlm_profiling.engines.transformers.model import TransformersModel
from vlm_profiling.measure.passes.headline import InputBatch, Session, make_batches, prepare_batches
from vlm_profiling.measure.request import RunRequest
from vlm_profiling.models.describe import describe_checkpoint
from vlm_profiling.record.manifests import CheckpointManifest
from vlm_profiling.study.config import ProtocolConfig, RepeatsConfig, WarmupConfig
from vlm_profiling.study.inputs import DatasetContent, ModelConfig, OptimizationConfig
from vlm_profiling.study.point import Point
from vlm_profiling.study.spec import RunSpec

QUICK = ProtocolConfig(
    max_new_tokens=3, warmup=WarmupConfig(window=2, max_batches=2), repeats=RepeatsConfig(max_s=0.1)
)


@pytest.fixture
def controlled_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock that goes on in a sleep and by a microsecond a look: no other work is in a duration."""
    now_s = 1000.0

    def pass_on(seconds: float) -> None:
        nonlocal now_s
        now_s += seconds

    def look() -> float:
        pass_on(1e-6)
        return now_s

    monkeypatch.setattr(time, "perf_counter", look)
    monkeypatch.setattr(HostClock, "read", staticmethod(lambda: round(1e9 * look())))
    monkeypatch.setattr(time, "sleep", pass_on)


@pytest.fixture(scope="session")
def shapes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("images") / "shapes"
    draw_shapes(folder)
    return folder


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], tuple[Path, CheckpointManifest]]:
    project = tmp_path_factory.mktemp("checkpoints")
    built: dict[str, CheckpointManifest] = {}

    def build(architecture: str) -> tuple[Path, CheckpointManifest]:
        if architecture not in built:
            config = ModelConfig(tiny=architecture)
            if architecture in OTHER_FAMILIES or architecture in ASKED_NOTHING:
                build_other_checkpoint(architecture, project / f"folder-{architecture}")
                config = ModelConfig(folder=f"folder-{architecture}")
            built[architecture] = describe_checkpoint(architecture, config, project, project / architecture)
        return project, built[architecture]

    return build


@pytest.fixture(scope="session")
def request_for(
    shapes: Path, tiny: Callable[[str], tuple[Path, CheckpointManifest]]
) -> Callable[..., RunRequest]:
    """A run of a tiny checkpoint on the four shapes; keyword arguments are settings of the point."""

    def make(
        architecture: str = "llava",
        *,
        optimization: OptimizationConfig | None = None,
        protocol: ProtocolConfig = QUICK,
        gpus: int = 1,
        **point: object,
    ) -> RunRequest:
        project, manifest = tiny(architecture)
        dataset, samples = read_source_folder(shapes, None)
        return RunRequest(
            spec=RunSpec(
                model=ModelConfig(tiny="llava", gpus=gpus),
                dataset=DatasetContent(source=dataset.source, content_sha256=dataset.content_sha256),
                optimization=optimization or OptimizationConfig(dtype="float32"),
                point=Point(**{"device": "cpu", "optimization": "fp32", **point}),
                protocol=protocol,
            ),
            checkpoint=manifest,
            dataset=dataset,
            samples=samples,
            media_folder=shapes,
            project=project,
            code_sha256="0" * 64,
        )

    return make


@pytest.fixture
def session_for(request_for: Callable[..., RunRequest]) -> Callable[..., tuple[Session, list[InputBatch]]]:
    """A loaded tiny checkpoint and its prepared batches of the four shapes; arguments as of `request_for`."""

    def make(architecture: str = "llava", **arguments: Any) -> tuple[Session, list[InputBatch]]:
        request = request_for(architecture, **arguments)
        dtype, attention = request.optimization.dtype, request.optimization.attention
        loaded = load_checkpoint(
            request.checkpoint, request.project, device="cpu", dtype=dtype, attention=attention
        )
        tokens = request.protocol.max_new_tokens, request.protocol.min_new_tokens
        options = EngineOptions(request.point, request.optimization, 1, *tokens)
        session = Session(TransformersModel(loaded, options), request.point, request.protocol)
        media = [open_media(request.media_folder, sample, request.point.frames) for sample in request.samples]
        batches = make_batches(request.samples, media, request.point.batch_size)
        prepare_batches(session, batches)
        return session, batches

    return make
