"""Snakemake on the loopback cluster, and its jobs as the controller sees them."""

from __future__ import annotations

import subprocess

import loopback
from small_project import SNAKEMAKE, Project
from undisturbed import differences

ON_CLUSTER = (
    str(SNAKEMAKE),
    "--profile",
    "profiles/slurm-h100",
    "--slurm-init-seconds-before-status-checks",
    "2",
)
ON_CLUSTER += (
    "--latency-wait",
    "10",
    "--default-resources",
    "slurm_partition=gpu",
    "runtime=30",
    "mem_mb=2000",
)


def submit(project: Project, *arguments: str) -> subprocess.Popen[str]:
    """Snakemake on the cluster, in a process group of its own; its words go to a file."""
    log = (project.folder / "snakemake.out").open("w")
    return subprocess.Popen(
        [*ON_CLUSTER, *arguments],
        cwd=project.folder,
        stdout=log,
        stderr=log,
        text=True,
        start_new_session=True,
    )


def finish(project: Project, *arguments: str) -> str:
    """Run to the end on the cluster; what Snakemake said."""
    done = submit(project, *arguments).wait(timeout=900)
    said = (project.folder / "snakemake.out").read_text()
    assert done == 0, said[-4000:]
    return said


def finishes(project: Project, undisturbed: Project) -> None:
    """A plain start on the cluster measures what is missing and nothing else."""
    kept = project.records
    finish(project)
    assert {name: project.records[name] for name in kept} == kept, "a finished record was measured again"
    assert differences(project.folder / "results", undisturbed.folder / "results") == []
    assert not project.planned()


def jobs_of(rule: str) -> list[dict[str, str]]:
    """Every job of a rule that the controller remembers, oldest first."""
    return [job for job in loopback.jobs() if job.get("Comment", "").startswith(f"rule_{rule}")]


def running(rule: str) -> list[str]:
    """Identifiers of the running jobs of a rule."""
    rows = loopback.squeue("--states=RUNNING", "--format=%i|%k")
    return [identifier for identifier, comment in rows if comment.startswith(f"rule_{rule}")]


def running_run(process: subprocess.Popen[str]) -> str:
    """The job of the first run at work, waited for."""
    loopback.wait_for(lambda: bool(running("profile_run")) or process.poll() is not None, seconds=300)
    return running("profile_run")[0]
