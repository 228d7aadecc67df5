"""A study as the rules see it: its runs by file name, its settings as JSON, its containers, at parse time.

Nothing here imports Snakemake, or writes a file below the project's folder.
"""

from __future__ import annotations

import json
import os
import sys
from collections import ChainMap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from vlm_profiling.containers import NO_CONTAINER, enter_containers, environment_id
from vlm_profiling.staleness.code_digest import CodeDigest, CodeReader
from vlm_profiling.study import ConfigError, Run, Study, expand_runs, study_from_mapping
from vlm_profiling.study.canonical import canonical_json
from vlm_profiling.study.errors import Problem
from vlm_profiling.study.load import read_yaml

MEASURING = "profile_run"
"""The script whose code decides the numbers of a record."""


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

    @property
    def container(self) -> str | None:
        """The image that runs are measured in; None for the host."""
        return None if self.study.container == NO_CONTAINER else self.study.container

    @property
    def cpu_container(self) -> str | None:
        """The image for the steps that hold no device; None for the host."""
        return None if self.study.cpu_container == NO_CONTAINER else self.study.cpu_container

    @property
    def record_paths(self) -> list[str]:
        """The path of each run's record."""
        return [f"{self.study.results}/runs/{name}.json" for name in self.runs]

    @property
    def missing_records(self) -> list[str]:
        """The records that are not there. Snakemake makes a lost file again only if it is asked for, or
        something needs it.
        """
        return [path for path in self.record_paths if not os.path.exists(path)]  # noqa: PTH110 - 10,000 times at each start

    @property
    def devices(self) -> list[str]:
        """The devices that runs of this study use."""
        return sorted({run.point.device for run in self.runs.values()})

    @property
    def description(self) -> bytes:
        """The study's settings in their order, and its environment, as JSON (report/description.py)."""
        content = {"study": self.study.model_dump(exclude_none=True), "environment": self.environment}
        return json.dumps(content, indent=1).encode() + b"\n"

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

    def code_digest(self, script: str) -> CodeDigest:
        """The digest of a script and of the library code it imports. Raises DigestError."""
        return self._code.digest(self.code_folder / "scripts" / f"{script}.py")

    @cached_property
    def _code(self) -> CodeReader:
        return CodeReader(self.code_folder / "scripts" / "vlm_profiling")

    def refuse_host(self) -> None:
        """Raise ConfigError when the study names an image: for a workflow without containers, which would
        measure the host.
        """
        for key in ("container", "cpu_container"):
            if (image := getattr(self, key)) is not None:
                message = (
                    "jobs belong in this image: add --sdm apptainer (profiles workstation and slurm-h100 do),"
                    " or say none"
                )
                raise ConfigError([Problem(key, message, image)], self.study.name)

    def prepare_containers(self) -> None:
        """Let the containers that this process starts find scripts, caches and devices: --cleanenv hides the
        rest.
        """
        if self.container is not None or self.cpu_container is not None:
            sections = [*self.study.models.values(), *self.study.datasets.values()]
            enter_containers(self.code_folder, [section.folder for section in sections if section.folder])


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


def use_this_python() -> None:
    """Make jobs find the scripts, and the Python that runs Snakemake, first; inside a container its own PATH
    holds.
    """
    found = [str(Path(sys.executable).parent), str(Path(__file__).resolve().parents[1]), os.environ["PATH"]]
    os.environ["PATH"] = os.pathsep.join(dict.fromkeys(os.pathsep.join(found).split(os.pathsep)))
