"""A study through SLURM: every cell once, on either node, with what it asks for."""

from __future__ import annotations

import datetime
import itertools
import json
from pathlib import Path

import loopback
import pytest
from on_cluster import finish, jobs_of, submit
from secrets_seen import SECRET, files_that_tell, watched_command_lines
from small_project import STUDY, Project

pytestmark = pytest.mark.cluster

TWELVE = {
    "batch_size": {"values": [1, 2, 3, 4]},
    "max_input_len": {"values": [1, 2]},
    "optimization": {"values": ["fp32", "flash"]},
}
PROTOCOL = {**STUDY["protocol"], "stages": False, "repeats": {"max_s": 0.5, "min_rounds": 2}}


@pytest.fixture(autouse=True)
def asks_often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Snakemake notices within seconds that a job has ended."""
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).with_name("asks_often")))


def records(project: Project) -> list[dict]:
    return [json.loads(content) for content in project.records.values()]


def test_a_study_of_twelve_cells_runs_on_two_nodes_and_tells_no_token(
    contained_cluster_project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", SECRET)
    project = contained_cluster_project
    settings = {
        key: value for key, value in project.settings.items() if key in ("container", "cpu_container")
    }
    models = {"tiny": {"tiny": "llava"}, "other": {"tiny": "qwen2_5_vl"}}
    project.configure(**settings, models=models, axes=TWELVE, protocol=PROTOCOL)
    before = len(jobs_of("profile_run"))
    with watched_command_lines() as told:
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
    scripts = [loopback.batch_script(job["JobId"]) for job in jobs]
    assert all("snakemake" in script and SECRET not in script for script in scripts)
    assert (told, files_that_tell(project.folder)) == (set(), [])
    assert not project.planned(*(("--sdm", "apptainer") if settings["container"] != "none" else ()))


def test_a_gpu_run_asks_for_the_declared_gpu_and_a_cpu_run_for_none(
    prepared_cluster_project: Project,
) -> None:
    project = prepared_cluster_project
    project.configure(hardware="h100", axes={"device": {"values": ["cpu", "cuda"]}}, protocol=PROTOCOL)
    process = submit(project, "--retries", "0")
    process.wait(timeout=600)
    asked = {("cuda-" in job["Comment"]): job.get("TresPerJob") for job in jobs_of("profile_run")[-2:]}
    assert asked == {False: None, True: "gres:gpu:h100:1"}
    log = next((project.folder / "results/logs/profile_run").rglob("*cuda*.log")).read_text()
    assert "device 'cuda'" in log, "the job reached the node, whose GPU is not one"


@pytest.mark.soak
def test_cells_of_one_allocation_are_measured_one_after_another(cluster_project: Project) -> None:
    cluster_project.configure(axes={"batch_size": {"values": [1, 2, 3]}}, protocol=PROTOCOL)
    before = {job["JobId"] for job in loopback.jobs()}
    finish(cluster_project, "--groups", "profile_run=cells", "--group-components", "cells=3")
    shared = [
        job
        for job in loopback.jobs()
        if job["JobId"] not in before and job["Comment"].startswith("rule_cells")
    ]
    assert [job["NumCPUs"] for job in shared] == ["8"], "what one cell asks for"
    told = sorted(records(cluster_project), key=lambda record: record["started_at"])
    assert [record["status"] for record in told] == ["ok"] * 3
    for earlier, later in itertools.pairwise(told):
        assert started_s(later) >= started_s(earlier) + earlier["duration_s"] - 1, (
            "times are told in whole seconds"
        )


@pytest.mark.soak
def test_cells_of_a_job_array_are_each_a_job(cluster_project: Project) -> None:
    cluster_project.configure(axes={"batch_size": {"values": [1, 2, 3]}}, protocol=PROTOCOL)
    before = {job["JobId"] for job in loopback.jobs()}
    finish(cluster_project, "--slurm-array-jobs", "profile_run")
    tasks = [job for job in jobs_of("profile_run") if job["JobId"] not in before]
    assert {job["ArrayTaskId"] for job in tasks} == {"1", "2", "3"}
    assert [record["status"] for record in records(cluster_project)] == ["ok"] * 3


def started_s(record: dict) -> float:
    return datetime.datetime.fromisoformat(record["started_at"]).timestamp()
