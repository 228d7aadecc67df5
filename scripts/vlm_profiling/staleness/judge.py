"""Whether a record still answers for the code, the data set and the checkpoint that lie here now."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from vlm_profiling.record.files import RecordError
from vlm_profiling.record.manifests import CheckpointManifest, DatasetManifest, read_manifest
from vlm_profiling.record.schema import RunRecord
from vlm_profiling.study import Study


@dataclass(frozen=True)
class Present:
    """What a new measurement would be made of: hashes by name; a name whose preparation is missing has none."""

    code_sha256: str
    datasets: Mapping[str, str]
    checkpoints: Mapping[str, str]


def read_present(study: Study, code_sha256: str) -> Present:
    """The hashes of what is prepared in the study's results folder, beside the digest of the measuring code."""
    results = Path(study.results)
    datasets = {
        name: _content(results / "datasets" / name / "manifest.json", DatasetManifest)
        for name in study.datasets
    }
    checkpoints = {
        name: _content(results / "checkpoints" / f"{name}.json", CheckpointManifest) for name in study.models
    }
    return Present(
        code_sha256,
        {name: sha256 for name, sha256 in datasets.items() if sha256},
        {name: sha256 for name, sha256 in checkpoints.items() if sha256},
    )


def stale_because(record: RunRecord, present: Present) -> str | None:
    """What has changed since a record was measured; None when nothing has."""
    changes = []
    if record.code_sha256 != present.code_sha256:
        changes.append("measuring code")
    if record.dataset and record.dataset.content_sha256 != present.datasets.get(
        record.dataset_name, record.dataset.content_sha256
    ):
        changes.append("data set")
    if record.checkpoint and record.checkpoint.content_sha256 != present.checkpoints.get(
        record.model, record.checkpoint.content_sha256
    ):
        changes.append("checkpoint")
    return f"{' and '.join(changes)} changed since" if changes else None


def _content(path: Path, kind: type[DatasetManifest] | type[CheckpointManifest]) -> str | None:
    try:
        return read_manifest(path, kind).content_sha256
    except RecordError:
        return None
