"""A study through SLURM, and what it survives there: every cell once, on either node, whatever is cancelled or killed."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import time
from pathlib import Path

import loopback
import pytest
from small_project import SNAKEMAKE, STUDY, Project

pytestmark = pytest.mark.cluster

ON_CLUSTER = (str(SNAKEMAKE), "--profile", "profiles/slurm-h100", "--slurm-init-seconds-before-status-checks", "2")
ON_CLUSTER += ("--latency-wait", "10", "--default-resources", "slurm_partition=gpu", "runtime=30", "mem_mb=2000")
TWELVE = {
    "batch_size": {"values": [1, 2, 3, 4]},
    "max_input_len": {"values": [1, 2]},
    "optimization": {"values": ["fp32", "flash"]},
}
PROTOCOL = {**STUDY["protocol"], "stages": False, "repeats": {"max_s": 0.5, "min_rounds": 2}}


def submit(project: Project, *arguments: str) -> subprocess.Popen[str]:
    """Snakemake on the cluster, in a process group of its own; its words go to a file."""
    log = (project.folder / "snakemake.out").open("w")
    return subprocess.Popen(
        [*ON_CLUSTER, *arguments], cwd=project.folder, stdout=log, stderr=log, text=True, start_new_session=True
    )


def finish(project: Project, *arguments: str) -> str:
    """Run to the end on the cluster; what Snakemake said."""
    done = submit(project, *arguments).wait(timeout=900)
    said = (project.folder / "snakemake.out").read_text()
    assert done == 0, said[-4000:]
    return said


def jobs_of(rule: str) -> list[dict[str, str]]:
    """Every job of a rule that the controller remembers, oldest first."""
    return [job for job in loopback.jobs() if job.get("Comment", "").startswith(f"rule_{rule}")]


def running(rule: str) -> list[str]:
    """Identifiers of the running jobs of a rule."""
    rows = loopback.squeue("--states=RUNNING", "--format=%i|%k")
    return [identifier for identifier, comment in rows if comment.startswith(f"rule_{rule}")]


def records(project: Project) -> list[dict]:
    return [json.loads(content) for content in project.records.values()]


def test_a_study_of_twelve_cells_runs_on_two_nodes(contained_cluster_project: Project) -> None:
    project = contained_cluster_project
    settings = {key: value for key, value in project.settings.items() if key in ("container", "cpu_container")}
    models = {"tiny": {"tiny": "llava"}, "other": {"tiny": "qwen2_5_vl"}}
    project.configure(**settings, models=models, axes=TWELVE, protocol=PROTOCOL)
    before = len(jobs_of("profile_run"))
    finish(project)
    jobs = jobs_of("profile_run")[before:]
    assert len(jobs) == 12
    assert {job["JobState"] for job in jobs} == {"COMPLETED"}
    assert {job["NodeList"] for job in jobs} == set(loopback.NODES)
    assert sorted(record["status"] for record in records(project)) == ["ok"] * 10 + ["unsupported"] * 2
    assert all("_shapes_cpu-" in job["Comment"] for job in jobs), "a job's comment names its cell"
    assert (project.folder / "results/reports/index.md").is_file()
    if settings["container"] != "none":
        assert {record["environment"]["container"] for record in records(project)} == {"cpu.sif"}
    assert not project.planned(*(("--sdm", "apptainer") if settings["container"] != "none" else ()))


def test_a_gpu_run_asks_for_the_declared_gpu_and_a_cpu_run_for_none(cluster_project: Project) -> None:
    cluster_project.configure(hardware="h100", axes={"device": {"values": ["cpu", "cuda"]}}, protocol=PROTOCOL)
    process = submit(cluster_project, "--retries", "0")
    process.wait(timeout=600)
    asked = {("cuda-" in job["Comment"]): job.get("TresPerJob") for job in jobs_of("profile_run")[-2:]}
    assert asked == {False: None, True: "gres:gpu:h100:1"}
    log = next((cluster_project.folder / "results/logs/profile_run").rglob("*cuda*.log")).read_text()
    assert "device 'cuda'" in log, "the job reached the node, whose GPU is not one"


@pytest.mark.slow
@pytest.mark.parametrize("fault", ["scancel", "kill slurmd", "kill slurmctld", "requeue"])
def test_a_job_that_slurm_loses_is_measured_again_and_no_other(fault: str, cluster_project: Project) -> None:
    project = cluster_project
    project.configure(protocol=PROTOCOL)
    process = submit(project)
    loopback.wait_for(lambda: bool(running("profile_run")) or process.poll() is not None, seconds=300)
    job = running("profile_run")[0]
    node = loopback.squeue(f"--jobs={job}", "--format=%N")[0][0]
    if fault == "scancel":
        subprocess.run(["scancel", job], check=True)
    elif fault == "requeue":
        subprocess.run(["scontrol", "requeue", job], check=True)
    elif fault == "kill slurmctld":
        loopback.kill("slurmctld")
        time.sleep(5)
        loopback.start_controller()
    else:
        loopback.kill(node)
        time.sleep(15)
        loopback.start_node(node)
    process.wait(timeout=600)
    kept = project.records
    finish(project)
    assert {name: project.records[name] for name in kept} == kept, "a finished record was measured again"
    assert sorted(record["status"] for record in records(project)) == ["ok", "ok", "unsupported"]
    assert not project.planned()


@pytest.mark.slow
def test_a_job_over_its_time_is_submitted_again_and_asks_for_more(cluster_project: Project) -> None:
    cluster_project.configure(protocol=PROTOCOL, axes={})
    slow = Path(cluster_project.folder, "scripts/profile_run.py")
    slow.write_text(slow.read_text().replace("    options = parse_options()\n", SLEEPS_ONCE, 1))
    limits = ("--set-resources", "profile_run:runtime=attempt")
    said = finish(cluster_project, *limits)
    assert re.search(r"TIMEOUT", said)
    assert [record["status"] for record in records(cluster_project)] == ["ok"]


SLEEPS_ONCE = """    options = parse_options()
    marker = options.output.parent / "slept"
    if not marker.exists():
        marker.touch()
        import time

        time.sleep(300)
"""


@pytest.mark.slow
def test_an_interrupted_workflow_cancels_its_jobs_and_goes_on_later(cluster_project: Project) -> None:
    cluster_project.configure(protocol=PROTOCOL)
    process = submit(cluster_project)
    loopback.wait_for(lambda: bool(running("profile_run")) or process.poll() is not None, seconds=300)
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=120) != 0
    loopback.wait_for(lambda: not running("profile_run"))
    finish(cluster_project)
    assert len(cluster_project.records) == 3
