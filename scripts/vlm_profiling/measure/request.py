"""What one run is asked: its spec, and what it needs from disk."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import msgspec

from vlm_profiling.cost.functions import ModelCost, read_cost
from vlm_profiling.datasets.read import read_samples
from vlm_profiling.record.container_image import ContainerImage
from vlm_profiling.record.manifests import CheckpointManifest, DatasetManifest, DatasetSample, read_manifest
from vlm_profiling.study.config import ProtocolConfig
from vlm_profiling.study.inputs import OptimizationConfig
from vlm_profiling.study.point import Point
from vlm_profiling.study.spec import RunSpec


@dataclass(frozen=True, kw_only=True)
class RunRequest:
    """One run, ready to be measured."""

    spec: RunSpec
    checkpoint: CheckpointManifest
    dataset: DatasetManifest
    samples: list[DatasetSample]
    media_folder: Path
    """Folder that the samples' image paths start from."""
    project: Path
    """Folder that a manifest's relative paths start from."""
    code_sha256: str
    lock: Path | None = None
    """Lock file of the environment, to be compared with what is installed."""
    cost: ModelCost | None = None
    """The model's cost, from which its memory is predicted."""
    container_image: ContainerImage | None = None
    """Where the study's runs belong; null for a run on its own."""

    @property
    def point(self) -> Point:
        """The point to measure."""
        return self.spec.point

    @property
    def optimization(self) -> OptimizationConfig:
        """What the point's optimization is."""
        return self.spec.optimization

    @property
    def protocol(self) -> ProtocolConfig:
        """How to measure."""
        return self.spec.protocol

    @property
    def gpus(self) -> int:
        """Devices that the model is laid on: GPUs, or one CPU."""
        return max(self.spec.gpus, 1)


def workflow_request(
    spec: str,
    *,
    checkpoint: Path,
    dataset: Path,
    code: Path,
    lock: Path | None,
    cost: Path | None,
    image: Path | None,
) -> RunRequest:
    """The request of a workflow's run, from its spec and the files that earlier steps wrote.

    Raises ConfigError for a spec of another version, RecordError or CostError for a file that is not what it
    should be, DatasetError for samples that changed since they were prepared.
    """
    manifest, samples = read_samples(dataset.parent)
    return RunRequest(
        spec=RunSpec.from_json(spec),
        checkpoint=read_manifest(checkpoint, CheckpointManifest),
        dataset=manifest,
        samples=samples,
        media_folder=dataset.parent,
        project=Path.cwd(),
        code_sha256=json.loads(code.read_bytes())["sha256"],
        lock=lock,
        cost=read_cost(cost) if cost else None,
        container_image=msgspec.json.decode(image.read_bytes(), type=ContainerImage) if image else None,
    )
