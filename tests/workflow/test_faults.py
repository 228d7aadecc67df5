"""What breaks around a study: no space, no permission, damaged files, signals. It says so, leaves no half file, and goes on."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import polars
import pytest
from small_project import STUDY, Project, new_project
from test_kills import orphans, start

MADE_BY_RUNS = ("runs.parquet", "samples.parquet")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of a few megabytes."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True).returncode != 0:
        pytest.skip("mounting a small file system needs root")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def figures(project: Project) -> polars.DataFrame:
    """Of every run, what does not depend on the clock."""
    table = polars.read_parquet(project.folder / "results/tables/runs.parquet")
    columns = [name for name in ("model", "dataset", "key", "status", "samples", "generated_tokens") if name in table.columns]
    return table.select(columns).sort("key")


def same_but_for_times(project: Project, undisturbed: Project) -> bool:
    return figures(project).equals(figures(undisturbed))


def test_a_full_disk_fails_the_job_leaves_no_half_record_and_the_study_goes_on(
    small_disk: Path, finished: Project, project: Project
) -> None:
    runs = project.folder / "results/runs"
    shutil.rmtree(runs)
    runs.symlink_to(small_disk)
    filler = small_disk / "filler"
    filler.write_bytes(bytes(3 * 2**20 - 4096 * 3))
    done = project.run("--keep-going", check=False)
    assert done.returncode != 0
    logs = [path.read_text() for path in (project.folder / "results/logs/profile_run").rglob("*.log")]
    told = [log for log in logs if "No space left on device" in log]
    assert told and not any("Traceback" in log for log in told)
    for content in project.records.values():
        json.loads(content)
    filler.unlink()
    project.run()
    assert same_but_for_times(project, finished)
    assert not [path for path in small_disk.rglob("*") if path.name.endswith((".tmp", ".lock"))]


def test_a_damaged_record_is_named_in_the_tables_and_measured_again_once_deleted(finished: Project, project: Project) -> None:
    name = next(name for name in project.records if "-b1-" in name)
    damaged = project.folder / "results/runs" / name
    damaged.write_bytes(damaged.read_bytes()[:400])
    project.run()
    states = polars.read_parquet(project.folder / "results/tables/runs.parquet")["status"].to_list()
    assert states.count("malformed") == 1
    damaged.unlink()
    project.run()
    assert same_but_for_times(project, finished)


def test_results_that_cannot_be_written_are_told_at_once(project: Project) -> None:
    results = project.folder / "results"
    shutil.rmtree(results / "runs")
    bind = ["mount", "--bind", str(results), str(results)]
    if os.geteuid() != 0 or subprocess.run(bind, capture_output=True).returncode != 0:
        pytest.skip("a read-only mount needs root")
    try:
        subprocess.run(["mount", "-o", "remount,bind,ro", str(results)], check=True)
        done = project.run(check=False)
        assert done.returncode != 0
        assert "Write-protected output files" in done.stdout + done.stderr
    finally:
        subprocess.run(["umount", "--lazy", str(results)], check=True)
    assert project.records == {}


def interrupt_again_and_again(project: Project, signals: list[signal.Signals], seed: int) -> None:
    """Start and interrupt at random moments: every finished record keeps its bytes, nothing is left behind."""
    moments = random.Random(seed)
    kept: dict[str, bytes] = {}
    for number in signals:
        process = start(project)
        time.sleep(moments.uniform(0.5, 9))
        process.send_signal(number)
        process.wait(timeout=120)
        records = project.records
        assert {name: records.get(name) for name in kept} == kept
        for content in records.values():
            json.loads(content)
        kept = records
    project.run()
    while orphans(project):
        time.sleep(0.2)
    assert {name: project.records.get(name) for name in kept} == kept
    assert len(project.records) == 3 and project.planned() == {}


def test_an_interrupted_and_a_terminated_workflow_go_on(tmp_path: Path) -> None:
    interrupt_again_and_again(new_project(tmp_path / "project"), [signal.SIGINT, signal.SIGTERM], seed=5)


@pytest.mark.slow
def test_signals_at_fifty_random_moments(tmp_path: Path, finished: Project) -> None:
    project = new_project(tmp_path / "project")
    project.configure(protocol={**STUDY["protocol"]})
    interrupt_again_and_again(project, [signal.SIGINT, signal.SIGTERM] * 25, seed=6)
    assert same_but_for_times(project, finished)
