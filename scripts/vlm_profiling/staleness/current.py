"""The current inputs of a whole study, folders of the user's that changed since they were prepared included,
and the provenance of older records.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from vlm_profiling.containers import lock_of
from vlm_profiling.datasets.candidates import DatasetError
from vlm_profiling.datasets.sources import open_source
from vlm_profiling.datasets.survey import draw_samples, samples_bytes, survey_source
from vlm_profiling.measure.environment.requirements_lock import read_lock
from vlm_profiling.models.folders import content_sha256, file_facts
from vlm_profiling.record.files import RecordError
from vlm_profiling.record.manifests import CheckpointManifest, read_manifest
from vlm_profiling.staleness.code_digest import CodeDigest, digest_json
from vlm_profiling.staleness.judge import CurrentInputs, read_current
from vlm_profiling.study import Study
from vlm_profiling.study.inputs import DatasetConfig
from vlm_profiling.study.spec import lock_sha256
from vlm_profiling.workflow import MEASURING, StudyWorkflow


@dataclass(frozen=True)
class Provenance:
    """The current inputs of a study, and the code and packages that older records were measured with."""

    current: CurrentInputs
    code: CodeDigest
    code_history: Path
    """Folder with the digests of earlier measuring code, each named by its hash."""
    lock_sha256: str
    locks: Mapping[str, Mapping[str, str]]
    """Versions by package, by hash of the lock: of the present lock and of the earlier ones that are kept."""


def read_provenance(workflow: StudyWorkflow) -> Provenance:
    """The provenance of a study's records.

    Raises:
        VlmError or OSError: the code or a lock cannot be read.
    """
    study, history = workflow.study, Path(workflow.study.results, "code")
    code = workflow.code_digest(MEASURING)
    lock = lock_of(study.container, workflow.code_folder)
    sha256 = lock_sha256(lock.read_text(encoding="utf-8"))
    older = {path.stem: read_lock(path) for path in (history / "locks").glob("*.lock")}
    return Provenance(
        current_inputs(workflow), code, history / "measured", sha256, {**older, sha256: read_lock(lock)}
    )


def current_inputs(workflow: StudyWorkflow) -> CurrentInputs:
    """The inputs that the next start of the workflow would measure with."""
    prepared = read_current(workflow.study, workflow.code_digest(MEASURING)["sha256"])
    return replace(
        prepared,
        datasets={**prepared.datasets, **changed_datasets(workflow.study, Path())},
        checkpoints={**prepared.checkpoints, **changed_checkpoints(workflow.study, Path())},
    )


def changed_datasets(study: Study, project: Path) -> dict[str, str]:
    """The content hash that preparing would give, by name, of data sets whose folder holds a newer file.

    A folder that cannot be prepared is left out: its preparation will say what is wrong.
    """
    hashes = {}
    for name, config in study.datasets.items():
        if _newer(project, config.folder, Path(study.results, "datasets", name, "manifest.json")):
            try:
                hashes[name] = _draw_sha256(config, project)
            except DatasetError:
                continue
    return hashes


def changed_checkpoints(study: Study, project: Path) -> dict[str, str]:
    """The same of models' folders, over the files that were there when they were prepared."""
    hashes = {}
    for name, config in study.models.items():
        path = Path(study.results, "checkpoints", f"{name}.json")
        if config.folder is not None and _newer(project, config.folder, path):
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
    study, results = workflow.study, Path(workflow.study.results)
    datasets = {f"data set {name}": results / "datasets" / name / "manifest.json" for name in study.datasets}
    checkpoints = {f"checkpoint {name}": results / "checkpoints" / f"{name}.json" for name in study.models}
    for script, manifests in (("prepare_dataset", datasets), ("prepare_checkpoint", checkpoints)):
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


def _newer(project: Path, folder: str | None, prepared: Path) -> bool:
    """Whether a folder of the user's holds a file newer than its preparation."""
    if folder is None or not prepared.is_file():
        return False
    time_ns = prepared.stat().st_mtime_ns
    return any(path.stat().st_mtime_ns > time_ns for path in (project / folder).rglob("*") if path.is_file())
