"""Killed at any moment and started again, a study finishes: nothing lost, nothing measured twice, nothing half written."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import time
from pathlib import Path

import pytest
from small_project import SNAKEMAKE, Project, new_project


def start(project: Project) -> subprocess.Popen[bytes]:
    """Snakemake in a process group of its own."""
    command = [str(SNAKEMAKE), "-c", "2", "-q"]
    return subprocess.Popen(
        command, cwd=project.folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )


def orphans(project: Project) -> bool:
    """Whether a job of a killed workflow is still at work in this project."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if (entry / "cwd").readlink() == project.folder and b"scripts" in (entry / "cmdline").read_bytes():
                    return True
            except OSError:
                continue
    return False


def kill_again_and_again(project: Project, kills: int, seed: int, *, whole_group: bool) -> None:
    """Start and kill -9 at random moments, then run to the end; every finished record keeps its bytes throughout."""
    moments = random.Random(seed)
    finished: dict[str, bytes] = {}
    for _ in range(kills):
        process = start(project)
        time.sleep(moments.uniform(1, 9))
        if whole_group:
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
        process.wait()
        records = project.records
        for content in records.values():
            json.loads(content)
        assert {name: records.get(name) for name in finished} == finished, "a finished record was lost or measured again"
        finished = records
    project.run()
    while orphans(project):
        time.sleep(0.2)
    records = project.records
    assert {name: records.get(name) for name in finished} == finished
    assert len(records) == 3
    assert project.planned() == {}
    leftovers = [str(path) for path in (project.folder / "results").rglob("*") if path.name.endswith((".tmp", ".json.lock"))]
    assert [name for name in leftovers if "/runs/" in name and name.endswith(".lock")] == []


@pytest.mark.slow
@pytest.mark.parametrize("whole_group", [True, False], ids=["all-processes", "snakemake-alone"])
def test_kills_at_random_moments(whole_group: bool, tmp_path: Path) -> None:
    kill_again_and_again(new_project(tmp_path / "project"), kills=12, seed=1, whole_group=whole_group)


def test_a_killed_snakemake_leaves_a_study_that_goes_on(tmp_path: Path) -> None:
    kill_again_and_again(new_project(tmp_path / "project"), kills=2, seed=3, whole_group=True)


def test_two_snakemakes_on_one_results_folder_are_refused(project: Project) -> None:
    for name in project.records:
        (project.folder / "results/runs" / name).unlink()
    first = start(project)
    deadline = time.monotonic() + 30
    while not (project.folder / "results/runs").exists() or time.monotonic() < deadline - 26:
        time.sleep(0.1)
    second = project.run(check=False)
    assert first.wait() == 0
    assert second.returncode != 0 and "is locked by another process" in second.stdout + second.stderr
    assert project.planned() == {}
