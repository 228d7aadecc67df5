"""No space or no permission: the job that needs it fails and says so, no half file stays, and the next start finishes."""

from __future__ import annotations

import grp
import os
import pwd
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from kills import half_written, leftovers
from small_project import SNAKEMAKE, Project
from undisturbed import differences

SMALL_BYTES = 3 * 2**20
ROOM_BYTES = 12 * 1024
ORDINARY = "nobody"


@contextmanager
def mounted(options: list[str], folder: Path) -> Iterator[None]:
    if os.geteuid() != 0 or subprocess.run(["mount", *options, str(folder)], capture_output=True).returncode != 0:
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
    """A part of the results lies on a full disk: its job fails in words, and the study goes on once there is room."""
    folder = project.folder / "results" / part
    shutil.rmtree(folder)
    folder.symlink_to(disk)
    filler = fill(disk)
    assert project.run(check=False).returncode != 0
    logs = [path.read_text() for path in (project.folder / "results/logs").rglob("*.log") if script in str(path)]
    told = [log for log in logs if "No space left on device" in log]
    assert told and not any("Traceback" in log for log in told), logs
    assert half_written(project.folder / "results") == []
    filler.unlink()
    project.run()
    assert differences(project.folder / "results", finished.folder / "results") == []
    assert half_written(project.folder / "results") == leftovers(project.folder / "results") == []


def test_writing_a_record(small_disk: Path, finished: Project, project: Project) -> None:
    is_survived_in("runs", "profile_run", small_disk, project, finished)


@pytest.mark.slow
def test_writing_a_table(small_disk: Path, finished: Project, project: Project) -> None:
    is_survived_in("tables", "merge_runs", small_disk, project, finished)


@pytest.mark.slow
def test_drawing_a_chart(small_disk: Path, finished: Project, project: Project) -> None:
    is_survived_in("plots", "draw_charts", small_disk, project, finished)


@pytest.mark.slow
def test_writing_a_page(small_disk: Path, finished: Project, project: Project) -> None:
    is_survived_in("reports", "write_report", small_disk, project, finished)


def test_results_on_a_read_only_disk_are_told_at_once(finished: Project, project: Project) -> None:
    results = project.folder / "results"
    shutil.rmtree(results / "runs")
    with mounted(["--bind", str(results)], results):
        subprocess.run(["mount", "-o", "remount,bind,ro", str(results)], check=True)
        done = project.run(check=False)
    assert done.returncode != 0
    assert "Read-only file system: 'results/.lock'" in done.stdout + done.stderr
    assert project.records == {}


@pytest.mark.slow
def test_results_of_another_user_are_told_at_once(finished: Project, project: Project) -> None:
    """Root may write everywhere, so an ordinary user starts Snakemake."""
    if os.geteuid() != 0:
        pytest.skip("becoming another user needs root")
    user = pwd.getpwnam(ORDINARY)
    become = ["runuser", "-u", ORDINARY, "-g", grp.getgrgid(user.pw_gid).gr_name, "--", "env", f"HOME={project.folder / 'home'}"]
    if subprocess.run([*become, str(SNAKEMAKE), "--version"], capture_output=True).returncode != 0:
        pytest.skip("an ordinary user may not enter this environment's folder")
    for folder in (project.folder, *project.folder.parents[:3]):
        folder.chmod(0o755)
    for name in (".snakemake", "home"):
        (project.folder / name).mkdir(exist_ok=True)
        subprocess.run(["chown", "-R", ORDINARY, str(project.folder / name)], check=True)
    shutil.rmtree(project.folder / "results/runs/tiny")
    done = subprocess.run([*become, str(SNAKEMAKE), "-c2"], cwd=project.folder, capture_output=True, text=True)
    said = done.stdout + done.stderr
    assert done.returncode != 0 and "results" in said and ("Permission denied" in said or "Write-protected" in said)
    assert "Traceback" not in said
    project.run()
    assert differences(project.folder / "results", finished.folder / "results") == []
