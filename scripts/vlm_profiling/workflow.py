"""What the rules need of a study: its runs by file name, its settings as JSON, digests of code, all at parse
time.

Nothing here imports Snakemake. Small files that rules have as inputs are written only when their content
changes, so that Snakemake, which compares small inputs by content, reruns what a change can have moved and
nothing else.
"""

from __future__ import annotations

import errno
import json
import math
import os
import sys
from collections import ChainMap
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache, cached_property, wraps
from io import BufferedWriter
from pathlib import Path
from threading import Thread
from typing import Any

import msgspec

from vlm_profiling.containers import NO_CONTAINER, enter_containers, environment_id, lock_of
from vlm_profiling.errors import VlmError
from vlm_profiling.record.container_image import study_image
from vlm_profiling.record.file_lock import LockedError, hold_lock, wait_for_writers
from vlm_profiling.record.files import write_bytes, write_if_changed
from vlm_profiling.record.manifests import CheckpointManifest, read_manifest
from vlm_profiling.staleness.code_digest import CodeDigest, CodeReader, digest_json
from vlm_profiling.staleness.source_digest import write_source_digest
from vlm_profiling.study import ConfigError, Run, Study, expand_runs, study_from_mapping
from vlm_profiling.study.canonical import canonical_json
from vlm_profiling.study.config import DatasetConfig, ModelConfig
from vlm_profiling.study.dtypes import ITEM_BYTES
from vlm_profiling.study.errors import Problem
from vlm_profiling.study.load import read_yaml
from vlm_profiling.study.spec import lock_sha256


class ResultsError(VlmError):
    """The results folder cannot be had: one line that names the path and the cure."""


@dataclass(frozen=True)
class StudyWorkflow:
    """A study as the rules see it. Paths are relative to the working directory, the project of the study."""

    study: Study
    environment: str
    """SHA-256 of the packages and versions that the runs' lock pins."""
    code_folder: Path
    """The folder that holds scripts/ and envs/."""
    runs: dict[str, Run] = field(repr=False)
    """By name: MODEL/DATASET/POINT-KEY."""

    @cached_property
    def lock(self) -> str:
        """Lock of the environment that runs are measured in, as a file that bears the hash which records
        carry.

        An older one stays beside it: `make why` then names the packages that changed. Its time is that of its
        first use, so that a lock checked out anew is no reason to measure.
        """
        text = lock_of(self.study.container, self.code_folder).read_bytes()
        path = Path(self.study.results, "code", "locks", f"{lock_sha256(text.decode())}.lock")
        if not path.exists():
            with self._writing():
                write_bytes(path, text)
        return str(path)

    @property
    def container(self) -> str | None:
        """The image that runs are measured in; None for the host."""
        return None if self.study.container == NO_CONTAINER else self.study.container

    @property
    def cpu_container(self) -> str | None:
        """The image for the steps that hold no device; None for the host."""
        return None if self.study.cpu_container == NO_CONTAINER else self.study.cpu_container

    @cached_property
    def image(self) -> str:
        """A file that says which image runs belong in: another one at the same path is another content."""
        path = Path(self.study.results, "image.json")
        content = msgspec.json.encode(study_image(self.study.container)) + b"\n"
        with self._writing():
            write_if_changed(path, content)
        return str(path)

    def write_inputs(self) -> None:
        """Write the small files that rules have as inputs, but for digests of code and of folders.

        Raises ResultsError where they cannot be written, or the folder holds the results of a study of
        another name.
        """
        self._refuse_results_of_another_study()
        _ = self.lock, self.image, self.description

    def _refuse_results_of_another_study(self) -> None:
        description = Path(self.study.results, "study.json")
        try:
            owner = json.loads(description.read_bytes())["study"]["name"]
        except (OSError, ValueError, KeyError, TypeError):
            return
        if owner != self.study.name:
            raise ResultsError(
                f"results = {self.study.results!r} holds the results of the study {owner!r}, this one is {self.study.name!r}; "
                f"allowed: a folder of its own, or the same name (to rename a study, delete {description})"
            )

    @property
    def record_paths(self) -> list[str]:
        """Where each run's record belongs."""
        return [f"{self.study.results}/runs/{name}.json" for name in self.runs]

    @property
    def devices(self) -> list[str]:
        """The devices that runs of this study use."""
        return sorted({run.point.device for run in self.runs.values()})

    @cached_property
    def description(self) -> str:
        """A file with the study's settings in their order, for the scripts that make tables, charts and
        pages.
        """
        content = {"study": self.study.model_dump(exclude_none=True), "environment": self.environment}
        path = Path(self.study.results, "study.json")
        with self._writing():
            write_if_changed(path, json.dumps(content, indent=1).encode() + b"\n")
        return str(path)

    @property
    def missing_records(self) -> list[str]:
        """Records that are not there. Snakemake makes a lost file again only if it is asked for, or something
        needs it.
        """
        return [path for path in self.record_paths if not os.path.exists(path)]  # noqa: PTH110 - 10,000 times at each start

    def run(self, model: str, dataset: str, point: str) -> Run:
        """The run whose record is runs/MODEL/DATASET/POINT.json. Raises KeyError for a file that is no run of
        this study.
        """
        return self.runs[f"{model}/{dataset}/{point}"]

    def model_json(self, name: str) -> str:
        """Canonical JSON of the settings that a checkpoint is prepared by."""
        return canonical_json(self.study.models[name].model_dump(exclude_none=True, exclude={"gpus"}))

    def dataset_json(self, name: str) -> str:
        """Canonical JSON of a data set's settings."""
        return canonical_json(self.study.datasets[name].model_dump(exclude_none=True))

    def dataset_source(self, name: str) -> list[str]:
        """A file that changes with the content of the user's folder that a data set is drawn from; none for
        other sources.
        """
        return self._source("datasets", name, self.study.datasets[name])

    def checkpoint_source(self, name: str) -> list[str]:
        """The same of the folder that a model is loaded from."""
        return self._source("checkpoints", name, self.study.models[name])

    def _source(self, kind: str, name: str, section: ModelConfig | DatasetConfig) -> list[str]:
        if section.folder is None:
            return []
        digest = Path(self.study.results, "sources", kind, f"{name}.json")
        with self._writing():
            write_source_digest(Path(section.folder), digest)
        return [str(digest)]

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Tell an error at a path in the results folder as ResultsError; others pass."""
        folder = self.study.results
        try:
            yield
        except OSError as error:
            path = os.path.relpath(error.filename or ".")
            if not Path(path).is_relative_to(os.path.relpath(folder)):
                raise
            reason, cure = error.strerror, CURES.get(error.errno or 0, "mend it")
            message = f"{folder} cannot be written ({path}: {reason}); {cure}, or name another folder by `results:` in the study"
            raise ResultsError(message) from error

    def refuse_host(self) -> None:
        """Raise ConfigError when the study names an image: for a workflow that uses none, which would measure
        the host.
        """
        for key in ("container", "cpu_container"):
            if (image := getattr(self, key)) is not None:
                message = "jobs belong in this image: add --sdm apptainer (profiles workstation and slurm-h100 do), or say none"
                raise ConfigError([Problem(key, message, image)], self.study.name)

    def prepare_containers(self) -> None:
        """Let the containers that this process starts find scripts, caches and devices: --cleanenv hides the
        rest.
        """
        if self.container is not None or self.cpu_container is not None:
            enter_containers(
                self.code_folder, [section.folder for section in self._sections() if section.folder]
            )

    def memory_mb(self, run: Run, checkpoint: Path, cost: Path, attempt: int) -> int:
        """Host memory to ask for a run, in MB: an estimate from its weights, more at each attempt.

        Weights that are drawn have no files: their bytes are those of the counted parameters in the run's
        dtype. Raises FileNotFoundError before the checkpoint is prepared, or counted, by its name for
        Snakemake: a plan then has no figure.
        """
        for path in (checkpoint, cost):
            os.stat(str(path))  # noqa: PTH116 - a Path would put a Path into the error, which Snakemake does not know
        weight_bytes = read_manifest(checkpoint, CheckpointManifest).weight_bytes
        if weight_bytes is None:
            dtype = self.study.optimizations[run.point.optimization].dtype
            weight_bytes = _counted_parameters(cost) * ITEM_BYTES[dtype]
        return attempt * (BASE_MEMORY_MB + int(MEMORY_PER_WEIGHT * weight_bytes / 1e6))

    def runtime_minutes(self, attempt: int) -> int:
        """Time to ask for a run, in minutes: beyond its own limit, so that a slow run ends as a record, not
        as a killed job.
        """
        return attempt * math.ceil((self.study.protocol.timeout_s + BESIDE_RUN_S) / 60)

    def require_gpus(self, budget: int) -> None:
        """Raise ConfigError where a model asks for more GPUs than the workflow may hold at a time.

        Snakemake would cut what the run asks for down to the budget, and start it.
        """
        most = {run.model: gpus for run in self.runs.values() if (gpus := run.spec.gpus) > budget}
        if most:
            allowed = f"more than --resources gpu={budget}; allowed: up to {budget}, or gpu=N in the profile where N are there"
            problems = [Problem(f"models.{model}.gpus", allowed, gpus) for model, gpus in most.items()]
            raise ConfigError(problems, self.study.name)

    def gpu_model(self, device: str) -> str:
        """The kind of GPU to ask for, in SLURM's words: the declared hardware; empty for a run that needs no
        GPU.
        """
        return self.study.hardware or "" if device == "cuda" else ""

    def _sections(self) -> list[ModelConfig | DatasetConfig]:
        return [*self.study.models.values(), *self.study.datasets.values()]

    def lock_results(self) -> None:
        """Keep the results folder for this process until it ends, and wait for runs that a killed workflow
        left at work.

        Snakemake must not have planned yet: a record that such a run writes later would be removed and
        measured again. Raises ResultsError when another workflow has the folder, or it cannot be written.
        """
        if not _held:
            try:
                with self._writing():
                    _held.append(hold_lock(Path(self.study.results, ".lock")))
            except LockedError as error:
                message = (
                    f"{error}: a workflow is at work on these results; wait until it has ended, or end it"
                )
                raise ResultsError(message) from None
            wait_for_writers(Path(self.study.results, "runs"))

    def code_digest(self, script: str) -> CodeDigest:
        """The digest of a script and of the library code it imports."""
        return self._code.digest(self.code_folder / "scripts" / f"{script}.py")

    def code_digest_file(self, script: str) -> Path:
        """A file with that digest."""
        path = Path(self.study.results, "code", f"{script}.json")
        digest = self.code_digest(script)
        content = digest_json(digest)
        with self._writing():
            write_if_changed(path, content)
            if (
                script == MEASURING
            ):  # kept under its hash, which records carry: `make why` then names the files that changed
                write_if_changed(path.parent / "measured" / f"{digest['sha256']}.json", content)
        return path

    @cached_property
    def _code(self) -> CodeReader:
        return CodeReader(self.code_folder / "scripts" / "vlm_profiling")


MEASURING = "profile_run"
BASE_MEMORY_MB = 2500
"""Of a run beside its weights: libraries (640 MiB, cost/predict.py), Snakemake twice (260 MB), images, a
CPU's activations.
"""
MEMORY_PER_WEIGHT = 1.5
"""Files are mapped and copied shard by shard. An assumption for host memory until run on a GPU."""
BESIDE_RUN_S = 600
"""What a job takes beside its run's own time limit: start, import, a cold file system."""

CURES = {
    errno.EROFS: "mount it so that it can be written",
    errno.EACCES: "let its owner give you the right to write there",
    errno.EPERM: "let its owner give you the right to write there",
    errno.ENOSPC: "make room on its disk",
    errno.EDQUOT: "make room in your quota",
    errno.ENOLCK: "have its file system mounted with locks",
    errno.ENOSYS: "have its file system mounted with locks",
}
"""What helps against each reason why a results folder cannot be written."""

_held: list[BufferedWriter] = []
"""Locks that live as long as this process."""


def open_workflow(
    files: Sequence[Path], code_folder: Path, settings: Mapping[str, Any] | None = None
) -> StudyWorkflow:
    """The study in YAML files, each checked for duplicate keys; `settings`: what Snakemake made of them and
    of --config.

    Raises ConfigError naming every problem.
    """
    read = [read_yaml(path) for path in files]
    source = ", ".join(map(str, files)) or "config"
    study = study_from_mapping(settings if settings is not None else dict(ChainMap(*reversed(read))), source)
    environment = environment_id(study.container, code_folder)
    runs = expand_runs(study, environment)
    if not runs:
        raise ConfigError([Problem("exclude", "leaves no run to measure", has_value=False)], source)
    return StudyWorkflow(study, environment, code_folder, {run.name: run for run in runs})


@cache
def _counted_parameters(cost: Path) -> int:
    """Parameters of a model, from the file of its cost functions."""
    return msgspec.json.decode(cost.read_bytes(), type=_Counted).parameters


class _Counted(msgspec.Struct):
    """What is read of a cost file here: this file may not look at the cost room."""

    parameters: int


def in_own_thread(handler: Callable[..., None]) -> Callable[..., None]:
    """A signal's handler that may wait for a lock which the thread that it interrupts holds: that thread goes
    on meanwhile.
    """

    @wraps(handler)
    def handle(*arguments: Any) -> None:
        Thread(target=handler, args=arguments, daemon=True).start()

    return handle


def use_this_python() -> None:
    """Make jobs find the scripts, and the Python that runs Snakemake, first; inside a container its own PATH
    holds.
    """
    found = [str(Path(sys.executable).parent), str(Path(__file__).resolve().parents[1]), os.environ["PATH"]]
    os.environ["PATH"] = os.pathsep.join(dict.fromkeys(os.pathsep.join(found).split(os.pathsep)))
