"""No space or no permission: the job that needs it fails and says so, no half file stays, and the next start
finishes.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from kills import half_written, leftovers
from small_project import SNAKEMAKE, Project
from undisturbed import differences

pytestmark = pytest.mark.slow

SMALL_BYTES = 3 * 2**20
ROOM_BYTES = 12 * 1024
ANOTHER = "nobody"
WITHOUT = "-dac_override,-dac_read_search,-fowner"


@contextmanager
def mounted(options: list[str], folder: Path) -> Iterator[None]:
    if (
        os.geteuid() != 0
        or subprocess.run(["mount", *options, str(folder)], capture_output=True).returncode != 0
    ):
        pytest.skip("mounting needs root, in a container that may")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of a few megabytes."""
    folder = tmp_path / "disk"
    folder.mkdir()
    with mounted(["-t", "tmpfs", "-o", f"size={SMALL_BYTES}", "tmpfs"], folder):
        yield folder


def fill(disk: Path) -> Path:
    """Leave a few kilobytes of a small disk; the file that fills it."""
    filler = disk / "filler"
    free = os.statvfs(disk)
    filler.write_bytes(bytes(free.f_bavail * free.f_bsize - ROOM_BYTES))
    return filler


def is_survived_in(part: str, script: str, disk: Path, project: Project, finished: Project) -> None:
    """A part of the results lies on a full disk: its job fails in words, and the study goes on once there is
    room.
    """
    folder = project.folder / "results" / part
    shutil.rmtree(folder)
    folder.symlink_to(disk)
    filler = fill(disk)
    assert project.run(check=False).returncode != 0
    logs = [
        path.read_text() for path in (project.folder / "results/logs").rglob("*.log") if script in str(path)
    ]
    told = [log for log in logs if "No space left on device" in log]
    assert told and not any("Traceback" in log for log in told), logs
    assert half_written(project.folder / "results") == []
    filler.unlink()
    project.run()
    assert differences(project.folder / "results", finished.folder / "results") == []
    assert half_written(project.folder / "results") == leftovers(project.folder / "results") == []


@pytest.mark.soak
def test_writing_a_record(small_disk: Path, finished: Project, project: Project) -> None:
    is_survived_in("runs", "profile_run", small_disk, project, finished)


@pytest.mark.soak
def test_writing_a_table(small_disk: Path, finished: Project, project: Project) -> None:
    is_survived_in("tables", "merge_runs", small_disk, project, finished)


@pytest.mark.soak
def test_drawing_a_chart(small_disk: Path, finished: Project, project: Project) -> None:
    is_survived_in("plots", "draw_charts", small_disk, project, finished)


@pytest.mark.soak
def test_writing_a_page(small_disk: Path, finished: Project, project: Project) -> None:
    is_survived_in("reports", "write_report", small_disk, project, finished)


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    with mounted(["--bind", str(folder)], folder):
        subprocess.run(["mount", "-o", "remount,bind,ro", str(folder)], check=True)
        yield


def words_alone(said: str) -> str:
    """What Snakemake ended with: the line after its usual words, with no traceback before it."""
    assert (
        "Traceback" not in said
        and "Exception" not in said
        and "File " not in said.partition("Building DAG")[2]
    ), said
    return said.splitlines()[-1]


def test_results_on_a_read_only_disk_are_told_in_one_line(finished: Project, project: Project) -> None:
    results = project.folder / "results"
    shutil.rmtree(results / "runs")
    with read_only(results):
        done = project.run(check=False)
        project.configure(description="Other words.")
        changed = project.run(check=False)
    told = (
        "vlm-profiling: results cannot be written ({}: Read-only file system); mount it "
        "so that it can be written, or name "
    )
    told += "another folder by `results:` in the study"
    assert done.returncode == changed.returncode == 1
    assert words_alone(done.stderr) == told.format("results/.lock")
    assert words_alone(changed.stderr) == told.format("results/.lock")
    assert project.records == {}


def test_a_finished_study_on_a_read_only_disk_can_be_looked_at(project: Project) -> None:
    with read_only(project.folder / "results"):
        assert project.planned() == {}


def test_results_of_another_user_are_told_in_one_line(finished: Project, project: Project) -> None:
    """Root may write everywhere, so Snakemake is started without that capability: then root may write what is
    root's.
    """
    if os.geteuid() != 0 or shutil.which("setpriv") is None:
        pytest.skip(
            "giving files to another user needs root, and starting a program without its rights setpriv"
        )
    shutil.rmtree(project.folder / "results/runs/tiny")
    subprocess.run(["chown", "-R", ANOTHER, str(project.folder / "results")], check=True)
    become = ["setpriv", f"--bounding-set={WITHOUT}", f"--inh-caps={WITHOUT}"]
    done = subprocess.run(
        [*become, str(SNAKEMAKE), "-c2"], cwd=project.folder, capture_output=True, text=True
    )
    assert done.returncode == 1
    told = (
        "vlm-profiling: results cannot be written (results/.lock: Permission denied); let "
        "its owner give you the right to "
    )
    assert words_alone(done.stderr).startswith(told)
    project.run()
    assert differences(project.folder / "results", finished.folder / "results") == []
