"""The one judge of staleness: a record against what a new measurement would be made of.

`vlm grid`, `vlm why`, `vlm prune` and the tables all ask it. A record that answers the study's question is
current or stale; where there is no such record, the run is missing, malformed or foreign
(tables/read_records.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from vlm_profiling.record.container_image import ContainerImage, study_image
from vlm_profiling.record.files import RecordError
from vlm_profiling.record.manifests import CheckpointManifest, DatasetManifest, read_manifest
from vlm_profiling.record.schema import RunRecord
from vlm_profiling.study import Study

SHORT = 12
"""Characters of a hash that is shown."""
CODE = "measuring code"


@dataclass(frozen=True)
class CurrentInputs:
    """The inputs that a new measurement would have, each by its content."""

    code_sha256: str
    """Of the measuring code (code_digest.py)."""
    datasets: Mapping[str, str]
    """SHA-256 of the content by name; a data set that is not prepared has none."""
    checkpoints: Mapping[str, str]
    """SHA-256 of the content by model; a checkpoint that is not prepared has none."""
    image: ContainerImage
    """The container image that runs belong in."""


@dataclass(frozen=True)
class Change:
    """One input or setting that is not what it was."""

    what: str
    old: str
    new: str
    note: str = ""

    def __str__(self) -> str:
        return f"{self.what}: {self.old} -> {self.new}{f' ({self.note})' if self.note else ''}"


def judge(record: RunRecord, current: CurrentInputs) -> tuple[Change, ...]:
    """The causes that make a record stale; none where it is current.

    An input that is not known, of the record or now, is no cause.
    """
    environment, image = record.environment, current.image
    compared = [
        (CODE, record.code_sha256, current.code_sha256),
        (
            f"data set {record.dataset_name}",
            record.dataset and record.dataset.content_sha256,
            current.datasets.get(record.dataset_name),
        ),
        (
            f"checkpoint {record.model}",
            record.checkpoint and record.checkpoint.content_sha256,
            current.checkpoints.get(record.model),
        ),
    ]
    causes = [
        Change(what, old[:SHORT], new[:SHORT]) for what, old, new in compared if old and new and old != new
    ]
    built, now = environment.container_digest, image.digest
    if built and now and built != now:
        causes.append(
            Change("container image", f"{environment.container} {built}", f"{image.container} {now}")
        )
    return tuple(causes)


def read_current(study: Study, code_sha256: str) -> CurrentInputs:
    """The inputs as they are prepared in the study's results folder, and the image that the study names.

    Args:
        study: the study, its paths relative to the working directory.
        code_sha256: digest of the measuring code.
    """
    results = Path(study.results)
    datasets = {
        name: _content(results / "datasets" / name / "manifest.json", DatasetManifest)
        for name in study.datasets
    }
    checkpoints = {
        name: _content(results / "checkpoints" / f"{name}.json", CheckpointManifest) for name in study.models
    }
    return CurrentInputs(
        code_sha256,
        {name: sha256 for name, sha256 in datasets.items() if sha256},
        {name: sha256 for name, sha256 in checkpoints.items() if sha256},
        study_image(study.container),
    )


def _content(path: Path, kind: type[DatasetManifest] | type[CheckpointManifest]) -> str | None:
    try:
        return read_manifest(path, kind).content_sha256
    except RecordError:
        return None
