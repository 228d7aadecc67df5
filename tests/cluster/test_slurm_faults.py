"""Whatever SLURM loses, kills or forgets: a plain start finishes the study, no cell twice, the tables as if
nothing had been.
"""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import loopback
import pytest
from on_cluster import finish, finishes, jobs_of, running, running_run, submit
from small_project import Project

pytestmark = [pytest.mark.cluster, pytest.mark.soak]


@pytest.fixture(autouse=True)
def mended_cluster(cluster: None) -> Iterator[None]:
    """Both nodes take jobs again, and no job is left, when a test is over."""
    yield
    subprocess.run(["scancel", "--user=root"], check=False)
    for name in loopback.NODES:
        subprocess.run(["scontrol", "update", f"nodename={name}", "state=resume"], capture_output=True)


def first_running(process: subprocess.Popen[str]) -> str:
    """The job of the first run at work, some seconds into it."""
    job = running_run(process)
    time.sleep(6)  # the controller writes its state down every five seconds
    return job


def node_of(job: str) -> str:
    return loopback.squeue(f"--jobs={job}", "--format=%N")[0][0]


def cancel(job: str) -> None:
    subprocess.run(["scancel", job], check=True)


def requeue(job: str) -> None:
    subprocess.run(["scontrol", "requeue", job], check=True)


def preempt(job: str) -> None:
    """Another user's urgent job takes the whole node for a while."""
    urgent = [
        "sbatch",
        "--partition=urgent",
        f"--nodelist={node_of(job)}",
        "--cpus-per-task=8",
        "--output=/dev/null",
    ]
    subprocess.run([*urgent, "--wrap", "sleep 3"], check=True, capture_output=True)
    loopback.wait_for(lambda: job not in running("profile_run"))


def kill_controller(job: str) -> None:
    loopback.kill("slurmctld")
    time.sleep(5)
    loopback.start_controller()


def kill_slurmd(job: str) -> None:
    node = node_of(job)
    loopback.kill(node)
    time.sleep(15)
    loopback.mend_node(node)


def lose_node(job: str) -> None:
    """The node's power fails; it comes back once SLURM has noticed."""
    node = node_of(job)
    loopback.crash_node(node)
    loopback.wait_for(lambda: job not in running("profile_run"), seconds=60)
    loopback.mend_node(node)


@pytest.mark.parametrize("fault", [cancel, requeue, preempt, kill_controller, kill_slurmd, lose_node])
def test_a_study_goes_on_after(
    fault: Callable[[str], None], two_to_do: Project, undisturbed: Project
) -> None:
    process = submit(two_to_do)
    fault(first_running(process))
    process.wait(timeout=400)
    finishes(two_to_do, undisturbed)


def test_a_controller_that_lost_its_newest_jobs_needs_an_interrupt_and_another_start(
    two_to_do: Project, undisturbed: Project
) -> None:
    process = submit(two_to_do)
    running_run(process)
    state = loopback.FOLDER / "state"
    loopback.kill("slurmctld")
    for file in state.glob("job_state*"):
        file.unlink()
    loopback.start_controller()
    loopback.wait_for(lambda: not jobs_of("profile_run"))
    time.sleep(15)
    assert process.poll() is None, "Snakemake waits for jobs that SLURM does not know"
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=120) != 0
    finishes(two_to_do, undisturbed)


def test_a_job_over_its_time_is_submitted_again_and_asks_for_more(
    two_to_do: Project, undisturbed: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sitecustomize.py").write_text(SLEEPS_ONCE)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    before = len(jobs_of("profile_run"))
    said = finish(two_to_do, "--set-resources", "profile_run:runtime=attempt")
    assert "SLURM status is: 'TIMEOUT'" in said
    limits = [(job["TimeLimit"], job["JobState"]) for job in jobs_of("profile_run")[before:]]
    assert ("00:01:00", "TIMEOUT") in limits and ("00:02:00", "COMPLETED") in limits
    finishes(two_to_do, undisturbed)


def test_a_job_over_its_memory_is_submitted_again_and_asks_for_more(
    two_to_do: Project, undisturbed: Project
) -> None:
    before = len(jobs_of("profile_run"))
    finish(two_to_do, "--set-resources", "profile_run:mem_mb=500*attempt**2")
    jobs = jobs_of("profile_run")[before:]
    states = [job["JobState"] for job in jobs]
    assert states.count("COMPLETED") == 2 and {"FAILED", "OUT_OF_MEMORY"} & set(states)
    finishes(two_to_do, undisturbed)


def test_an_interrupted_workflow_cancels_its_jobs(two_to_do: Project, undisturbed: Project) -> None:
    process = submit(two_to_do)
    first_running(process)
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=120) != 0
    loopback.wait_for(lambda: not running("profile_run"))
    finishes(two_to_do, undisturbed)


SLEEPS_ONCE = """
import os, sys, time

if any(word.endswith("profile_run.py") for word in sys.orig_argv) and not os.path.exists("slept"):
    open("slept", "w").close()
    time.sleep(300)
"""
