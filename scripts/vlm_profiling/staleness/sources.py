"""What a new measurement would be made of: code, lock, image, and what the user's own folders would be
prepared to now.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from vlm_profiling.containers import lock_of
from vlm_profiling.datasets.candidates import DatasetError
from vlm_profiling.datasets.sources import open_source
from vlm_profiling.datasets.survey import draw_samples, samples_bytes, survey_source
from vlm_profiling.measure.environment.requirements_lock import read_lock
from vlm_profiling.models.folders import content_sha256, file_facts
from vlm_profiling.record.container_image import study_image
from vlm_profiling.record.files import RecordError
from vlm_profiling.record.manifests import CheckpointManifest, read_manifest
from vlm_profiling.staleness.code_digest import digest_json
from vlm_profiling.staleness.inputs import Ingredients
from vlm_profiling.staleness.judge import Present, read_present
from vlm_profiling.study import Study
from vlm_profiling.study.config import DatasetConfig
from vlm_profiling.study.spec import lock_sha256
from vlm_profiling.workflow import MEASURING, StudyWorkflow


class Section(Protocol):
    """A data set's or a model's settings."""

    folder: str | None


def read_ingredients(workflow: StudyWorkflow) -> Ingredients:
    """What a new measurement of a study would be made of, read where it lies.

    Raises DigestError, LockError or OSError for code or a lock that cannot be read.
    """
    study, history = workflow.study, Path(workflow.study.results, "code")
    code = workflow.code_digest(MEASURING)
    prepared = read_present(study, code["sha256"])
    present = Present(
        prepared.code_sha256,
        {**prepared.datasets, **changed_datasets(study, Path())},
        {**prepared.checkpoints, **changed_checkpoints(study, Path())},
    )
    lock = lock_of(study.container, workflow.code_folder)
    sha256 = lock_sha256(lock.read_text(encoding="utf-8"))
    locks = {path.stem: read_lock(path) for path in (history / "locks").glob("*.lock")} | {
        sha256: read_lock(lock)
    }
    return Ingredients(present, study_image(study.container), code, history / "measured", sha256, locks)


def changed_datasets(study: Study, project: Path) -> dict[str, str]:
    """The content hash that preparing would give, by name; of folders that hold a file newer than what was
    prepared from them.

    A folder that cannot be prepared is left out: preparing it says what is wrong, and until then nothing else
    is there.
    """
    hashes = {}
    for name, config in study.datasets.items():
        if _newer(project, config, Path(study.results, "datasets", name, "manifest.json")):
            try:
                hashes[name] = _draw_sha256(config, project)
            except DatasetError:
                continue
    return hashes


def changed_checkpoints(study: Study, project: Path) -> dict[str, str]:
    """The same of the folders that models are loaded from, over the files that were there when they were
    prepared.
    """
    hashes = {}
    for name, config in study.models.items():
        path = Path(study.results, "checkpoints", f"{name}.json")
        if config.folder is not None and _newer(project, config, path):
            try:
                files = read_manifest(path, CheckpointManifest).files
            except RecordError:
                continue
            hashes[name] = content_sha256(file_facts(project / config.folder, tuple(files)))
    return hashes


def prepared_by_other_code(workflow: StudyWorkflow) -> Iterator[str]:
    """Data sets and checkpoints that Snakemake will prepare anew because the code that prepares them changed.

    Their runs are then measured anew, even where the outcome is the same: Snakemake plans before it knows.
    """
    study = workflow.study
    results = Path(study.results)
    prepared = {
        "prepare_dataset": {
            f"data set {name}": results / "datasets" / name / "manifest.json" for name in study.datasets
        },
        "prepare_checkpoint": {
            f"checkpoint {name}": results / "checkpoints" / f"{name}.json" for name in study.models
        },
    }
    for script, manifests in prepared.items():
        digest = results / "code" / f"{script}.json"
        known = digest.is_file() and digest.read_bytes() == digest_json(workflow.code_digest(script))
        for name, manifest in manifests.items():
            if manifest.is_file() and not (
                known and digest.stat().st_mtime_ns <= manifest.stat().st_mtime_ns
            ):
                yield name


def _draw_sha256(config: DatasetConfig, project: Path) -> str:
    drawn = draw_samples(survey_source(open_source(config, project)).usable, config.samples, config.seed)
    return hashlib.sha256(samples_bytes(drawn)).hexdigest()


def _newer(project: Path, config: Section, prepared: Path) -> bool:
    """Whether a folder of the user's holds a file newer than its preparation."""
    if config.folder is None or not prepared.is_file():
        return False
    time_ns = prepared.stat().st_mtime_ns
    return any(
        path.stat().st_mtime_ns > time_ns for path in (project / config.folder).rglob("*") if path.is_file()
    )
