"""The two studies of a check, and the calls of the project's scripts that fill their results folders, as the
rules would.

Everything runs in the check's own folder, which is the project that relative paths start from.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from vlm_profiling.gpu_check.jobs import SCRIPTS, Job, run_scripts, script_job
from vlm_profiling.study import Run
from vlm_profiling.study.load import read_yaml
from vlm_profiling.workflow import StudyWorkflow, open_workflow

CODE = SCRIPTS.parent
MODELS, TINY = "models", "tiny"
STUDIES = (MODELS, TINY)
"""Full-size models, measured one by one; tiny ones, several at a time. Names of their results folders."""
TABLES = ("merge_runs", "compute_roofline", "audit_runs")


@dataclass(frozen=True)
class CheckStudy:
    """One of the two, with its results in a folder of the same name below the present one."""

    name: str
    workflow: StudyWorkflow

    def dataset_jobs(self) -> Iterator[Job]:
        """A job for each data set that lacks its manifest."""
        for dataset in self.workflow.study.datasets:
            manifest = self._dataset(dataset)
            if not Path(manifest).exists():
                arguments = (
                    "--name",
                    dataset,
                    "--dataset",
                    self.workflow.dataset_json(dataset),
                    "--output",
                    manifest,
                )
                yield script_job(f"prepare/{self.name}-{dataset}", "prepare_dataset", *arguments)

    def model_jobs(self) -> Iterator[Job]:
        """A job for each model that lacks its cost: makes the checkpoint ready and counts."""
        for model in self.workflow.study.models:
            checkpoint, cost = self._checkpoint(model), self._cost(model)
            if not Path(cost).exists():
                prepare = (
                    "--name",
                    model,
                    "--model",
                    self.workflow.model_json(model),
                    "--output",
                    checkpoint,
                )
                count = ("--checkpoint", checkpoint, "--output", cost)
                calls = (("prepare_checkpoint", prepare), ("count_cost", count))
                yield Job(f"prepare/{self.name}-{model}", run_scripts, (calls,))

    def run_job(self, run: Run, output: Path | None = None) -> Job:
        """The job that measures a run, to its own place or to another."""
        output = output or self.record_path(run)
        return script_job(
            output.with_suffix("").as_posix(),
            "profile_run",
            *(
                "--run",
                run.spec,
                "--checkpoint",
                self._checkpoint(run.model),
                "--dataset",
                self._dataset(run.dataset),
            ),
            *("--code", str(self.workflow.code_digest_file("profile_run")), "--cost", self._cost(run.model)),
            *("--image", self.workflow.image, "--lock", self.workflow.lock, "--output", str(output)),
        )

    def record_path(self, run: Run) -> Path:
        """Where a run's record belongs."""
        return Path(self.name, "runs", f"{run.name}.json")

    @property
    def first_run(self) -> Run:
        """The run that is measured first."""
        return next(iter(self.workflow.runs.values()))

    def files_of(self, run: Run) -> tuple[Path, Path]:
        """Manifests of its checkpoint and its data set."""
        return Path(self._checkpoint(run.model)), Path(self._dataset(run.dataset))

    def _checkpoint(self, model: str) -> str:
        return f"{self.name}/checkpoints/{model}.json"

    def _cost(self, model: str) -> str:
        return f"{self.name}/costs/{model}.json"

    def _dataset(self, dataset: str) -> str:
        return f"{self.name}/datasets/{dataset}/manifest.json"


def open_studies(device: str) -> dict[str, CheckStudy]:
    """Both studies for a device, by name; writes their descriptions into the present folder."""
    found = {}
    for name in STUDIES:
        path = CODE / "profiles" / "gpu-check" / device / f"{name}.yaml"
        workflow = open_workflow([path], CODE, {**read_yaml(path), "results": name})
        assert workflow.description
        found[name] = CheckStudy(name, workflow)
    return found


def table_job(name: str) -> Job:
    """Tables, roofline and audits of the study in the folder `name`, from its records."""
    study, output = ("--study", f"{name}/study.json"), ("--output", f"{name}/tables")
    runs, costs = ("--runs", f"{name}/runs"), ("--costs", f"{name}/costs")
    ceilings = ("--ceilings", f"{name}/ceilings")
    arguments = {
        script: (*study, *runs, *costs, *(ceilings if script != "merge_runs" else ()), *output)
        for script in TABLES
    }
    return Job(f"tables/{name}", run_scripts, (tuple(arguments.items()),))


def page_job(name: str) -> Job:
    """Charts and pages of the study in the folder `name`, from its tables."""
    study, tables = ("--study", f"{name}/study.json"), ("--tables", f"{name}/tables")
    draw = (*study, *tables, "--output", f"{name}/plots")
    write = (*study, *tables, "--plots", f"{name}/plots", "--output", f"{name}/reports")
    return Job(f"pages/{name}", run_scripts, ((("draw_charts", draw), ("write_report", write)),))
