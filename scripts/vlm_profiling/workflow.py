"""What the rules need of a study: its runs by file name, its settings as JSON, digests of code, all at parse time.

Nothing here imports Snakemake. Small files that rules have as inputs are written only when their content changes, so
that Snakemake, which compares small inputs by content, reruns what a change can have moved and nothing else.
"""

from __future__ import annotations

import json
import os
import sys
from collections import ChainMap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from io import BufferedWriter
from pathlib import Path
from typing import Any

from vlm_profiling.record.files import write_if_changed
from vlm_profiling.record.locks import hold_lock
from vlm_profiling.study import ConfigError, Run, Study, expand_runs, study_from_mapping
from vlm_profiling.study.digest import digest_json
from vlm_profiling.study.errors import Problem
from vlm_profiling.study.keys import canonical_json, lock_sha256
from vlm_profiling.study.load import read_yaml


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
    def lock(self) -> str:
        """Lock file of the measuring environment."""
        return str(_relative(self.code_folder / LOCK))

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
        """A file with the study's settings in their order, for the scripts that make tables, charts and pages."""
        content = {"study": self.study.model_dump(exclude_none=True), "environment": self.environment}
        path = Path(self.study.results, "study.json")
        write_if_changed(path, json.dumps(content, indent=1).encode() + b"\n")
        return str(path)

    @property
    def missing_records(self) -> list[str]:
        """Records that are not there. Snakemake makes a lost file again only if it is asked for, or something needs it."""
        return [path for path in self.record_paths if not os.path.exists(path)]  # noqa: PTH110 - 10,000 times at each start

    def run(self, model: str, dataset: str, point: str) -> Run:
        """The run whose record is runs/MODEL/DATASET/POINT.json. Raises KeyError for a file that is no run of this study."""
        return self.runs[f"{model}/{dataset}/{point}"]

    def model_json(self, name: str) -> str:
        """Canonical JSON of a model's settings."""
        return canonical_json(self.study.models[name].model_dump(exclude_none=True))

    def dataset_json(self, name: str) -> str:
        """Canonical JSON of a data set's settings."""
        return canonical_json(self.study.datasets[name].model_dump(exclude_none=True))

    def lock_results(self) -> None:
        """Keep the results folder for this process until it ends. Raises LockedError when another workflow has it."""
        _held.append(hold_lock(Path(self.study.results, ".lock")))

    def code_digest(self, script: str) -> Path:
        """A file with the digest of a script and of the library code it imports."""
        scripts = self.code_folder / "scripts"
        path = Path(self.study.results, "code", f"{script}.json")
        write_if_changed(path, digest_json(scripts / f"{script}.py", scripts / "vlm_profiling"))
        return path


LOCK = Path("envs", "measure.lock")

_held: list[BufferedWriter] = []
"""Locks that live as long as this process."""


def open_workflow(files: Sequence[Path], code_folder: Path, settings: Mapping[str, Any] | None = None) -> StudyWorkflow:
    """The study in YAML files, each checked for duplicate keys; `settings`: what Snakemake made of them and of --config.

    Raises ConfigError naming every problem.
    """
    read = [read_yaml(path) for path in files]
    source = ", ".join(map(str, files)) or "config"
    study = study_from_mapping(settings if settings is not None else dict(ChainMap(*reversed(read))), source)
    environment = lock_sha256((code_folder / LOCK).read_text(encoding="utf-8"))
    runs = expand_runs(study, environment)
    if not runs:
        raise ConfigError([Problem("exclude", "leaves no run to measure", has_value=False)], source)
    return StudyWorkflow(study, environment, code_folder, {run.name: run for run in runs})


def use_this_python() -> None:
    """Make jobs find the scripts, and the Python that runs Snakemake, first; inside a container its own PATH holds."""
    found = [str(Path(sys.executable).parent), str(Path(__file__).resolve().parents[1]), os.environ["PATH"]]
    os.environ["PATH"] = os.pathsep.join(dict.fromkeys(os.pathsep.join(found).split(os.pathsep)))


def _relative(path: Path) -> Path:
    """`path` relative to the working directory where it lies below it, else as it is."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
