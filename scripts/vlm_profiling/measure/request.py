"""What one run was asked: the typed form of the run's spec, and what it needs from disk."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from vlm_profiling.cost.functions import ModelCost, read_cost
from vlm_profiling.datasets.read import read_samples
from vlm_profiling.record.container_image import ContainerImage
from vlm_profiling.record.manifests import CheckpointManifest, DatasetManifest, DatasetSample, read_manifest
from vlm_profiling.record.schema import Optimization
from vlm_profiling.study.config import ProtocolConfig
from vlm_profiling.study.point import Point
from vlm_profiling.study.spec import canonical_json, spec_gpus, spec_key


@dataclass(frozen=True)
class RunRequest:
    """One run, ready to be measured."""

    spec: str
    """Canonical JSON of the run's identity."""
    key: str
    protocol_version: int
    point: Point
    optimization: Optimization
    protocol: ProtocolConfig
    checkpoint: CheckpointManifest
    dataset: DatasetManifest
    samples: list[DatasetSample]
    media_folder: Path
    """Folder that the samples' image paths start from."""
    project: Path
    """Folder that a manifest's relative paths start from."""
    code_sha256: str
    lock: Path | None
    """Lock file of the environment, to be compared with what is installed."""
    cost: ModelCost | None = None
    """The model's cost, from which its memory is predicted."""
    container_image: ContainerImage | None = None
    """Where the study's runs belong; null for a run on its own."""
    gpus: int = 1
    """GPUs that the model is laid on where the point's device is cuda."""


def request_from_spec(
    identity: Mapping[str, Any],
    checkpoint: CheckpointManifest,
    dataset: tuple[DatasetManifest, list[DatasetSample]],
    *,
    media_folder: Path,
    project: Path,
    code_sha256: str,
    lock: Path | None,
    cost: ModelCost | None = None,
    container_image: ContainerImage | None = None,
) -> RunRequest:
    """The request that a run's identity (study.keys.run_identity, or its JSON read back) describes."""
    manifest, samples = dataset
    spec = canonical_json(identity)
    return RunRequest(
        spec=spec,
        key=spec_key(spec),
        protocol_version=identity["protocol_version"],
        point=Point(**identity["point"]),
        optimization=Optimization(**identity["optimization"]),
        protocol=ProtocolConfig.model_validate(identity["protocol"]),
        checkpoint=checkpoint,
        dataset=manifest,
        samples=samples,
        media_folder=media_folder,
        project=project,
        code_sha256=code_sha256,
        lock=lock,
        cost=cost,
        container_image=container_image,
        gpus=max(spec_gpus(spec), 1),
    )


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

    Raises RecordError or CostError for a file that is not what it should be, DatasetError for samples that
    changed since they were prepared.
    """
    return request_from_spec(
        json.loads(spec),
        read_manifest(checkpoint, CheckpointManifest),
        read_samples(dataset.parent),
        media_folder=dataset.parent,
        project=Path.cwd(),
        code_sha256=json.loads(code.read_bytes())["sha256"],
        lock=lock,
        cost=read_cost(cost) if cost else None,
        container_image=msgspec.json.decode(image.read_bytes(), type=ContainerImage) if image else None,
    )
