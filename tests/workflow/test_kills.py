"""Killed at any moment and started again, a study finishes: nothing lost, nothing measured twice, nothing
half written.
"""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest
from kills import KILLS, Account, Blow, jobs, kill_studies, start, strike, watched_records
from small_project import Project, new_project
from undisturbed import differences

pytestmark = pytest.mark.slow


@pytest.fixture(scope="session")
def new(finished: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The study not started. Read only."""
    return new_project(tmp_path_factory.mktemp("new") / "project")


@pytest.mark.parametrize("blow", KILLS)
def test_kills_at_random_moments(blow: Blow, new: Project, finished: Project, tmp_path: Path) -> None:
    account = kill_studies(new, finished, tmp_path, kills=12, seed=1, within_s=14, blows=(blow,))
    assert account.failures == []


@pytest.mark.soak
def test_signals_at_fifty_random_moments(new: Project, finished: Project, tmp_path: Path) -> None:
    account = kill_studies(
        new, finished, tmp_path, kills=50, seed=6, within_s=14, blows=("SIGINT", "SIGTERM")
    )
    assert account.failures == []


def test_a_study_goes_on_after_a_kill_and_signals(new: Project, finished: Project, tmp_path: Path) -> None:
    blows: tuple[Blow, ...] = ("kill everything", "SIGINT", "SIGTERM")
    account = kill_studies(new, finished, tmp_path, kills=3, seed=3, within_s=9, blows=blows)
    assert account.failures == []


def test_a_killed_run_fails_its_job_names_its_log_and_holds_up_no_other(
    finished: Project, project: Project, tmp_path: Path
) -> None:
    names = sorted(name for name in project.records if "fp32" in name)
    for name in names:
        (project.folder / "results/runs" / name).unlink()
    with (tmp_path / "said").open("w") as said:
        process = start(project, said)
    while "profile_run" not in jobs(project).values():
        assert process.poll() is None
        time.sleep(0.01)
    victim = next(number for number, script in jobs(project).items() if script == "profile_run")
    os.kill(victim, signal.SIGKILL)
    assert process.wait(timeout=300) != 0
    told = (tmp_path / "said").read_text()
    assert (
        f"{victim} Killed" in told
        and "profile_run.py" in told
        and "results/logs/profile_run/tiny/shapes/" in told
    )
    assert len(set(names) & project.records.keys()) == 1, "the other run was measured all the same"
    project.run()
    assert differences(project.folder / "results", finished.folder / "results") == []


def test_a_run_killed_after_it_wrote_its_record_keeps_it(project: Project) -> None:
    name = next(name for name in project.records if "-b1-" in name)
    record = project.folder / "results/runs" / name
    record.unlink()
    process = start(project)
    while not record.exists():
        assert process.poll() is None
        time.sleep(0.001)
    victim = next(number for number, script in jobs(project).items() if script == "profile_run")
    written = record.read_bytes()
    os.kill(victim, signal.SIGKILL)
    assert process.wait(timeout=300) != 0, "the job has failed"
    assert record.read_bytes() == written
    assert "profile_run" not in project.planned()
    project.run()
    assert record.read_bytes() == written


def test_a_run_that_a_killed_snakemake_left_at_work_keeps_its_record(project: Project) -> None:
    name = next(name for name in project.records if "-b1-" in name)
    (project.folder / "results/runs" / name).unlink()
    account = Account()
    with watched_records(project, account):
        process = start(project)
        while not (project.folder / f"results/runs/{name}").with_name(f".{Path(name).name}.lock").exists():
            assert process.poll() is None
            time.sleep(0.01)
        assert strike(project, process, "kill snakemake") == "snakemake and profile_run"
        said = project.run()
    assert "rule profile_run" not in said.stdout + said.stderr
    assert account == Account()
    assert project.planned() == {}


def test_a_sigterm_ends_a_workflow_also_while_it_takes_note_of_a_finished_job(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Snakemake holds a lock then, which its own handler wants, too."""
    (project.folder / "results/runs" / next(iter(project.records))).unlink()
    (tmp_path / "sitecustomize.py").write_text(FINISHES_SLOWLY)
    with monkeypatch.context() as patch:
        patch.setenv("PYTHONPATH", str(tmp_path))
        process = start(project)
    while not (project.folder / "finishing").exists():
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGTERM)
    try:
        assert process.wait(timeout=60) != 0
    finally:
        process.kill()
    assert "profile_run" not in project.planned(), "what was finished is kept"
    project.run()
    assert project.planned() == {}


FINISHES_SLOWLY = """
import sys, time

if sys.orig_argv[1].endswith("/snakemake"):
    from snakemake.persistence import PersistenceBase

    finished = PersistenceBase.finished

    async def finish_slowly(self, job):
        open("finishing", "w").close()
        time.sleep(2)
        await finished(self, job)

    PersistenceBase.finished = finish_slowly
"""


def test_two_snakemakes_on_one_results_folder_are_refused(project: Project) -> None:
    (project.folder / "results/runs" / next(iter(project.records))).unlink()
    first = start(project)
    while "profile_run" not in jobs(project).values():
        assert first.poll() is None
        time.sleep(0.05)
    second = project.run(check=False)
    assert first.wait() == 0
    assert second.returncode != 0 and "Traceback" not in second.stderr
    told = (
        "results/.lock is locked by another process: a workflow is at work on these "
        "results; wait until it has ended, or end it"
    )
    assert second.stderr.splitlines()[-1] == f"vlm-profiling: {told}"
    assert project.planned() == {}
