"""With an accounting database: what SLURM keeps of each cell's job, and a workflow that asks sacct how its
jobs stand.
"""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Iterator

import loopback
import pytest
from on_cluster import finish, finishes, running, running_run, submit
from small_project import STUDY, Project

pytestmark = [pytest.mark.cluster, pytest.mark.soak]

PROTOCOL = {**STUDY["protocol"], "stages": False, "repeats": {"max_s": 0.5, "min_rounds": 2}}
STATUS_CHECKS_S = 60
"""In which Snakemake asks at least once how its jobs stand."""
ASKING_SACCT = ("--slurm-status-command", "sacct")
COLUMNS = "JobID,State,ExitCode,Account,Partition,NodeList,ReqMem,Timelimit,MaxRSS,CPUTimeRAW,Comment"


@pytest.fixture
def accounts(cluster: None) -> Iterator[None]:
    """The session's cluster, started anew with a database for this test."""
    reason = loopback.why_no_accounts()
    if reason is not None:
        pytest.skip(reason)
    loopback.up(accounts=True)
    try:
        yield
    finally:
        loopback.up()


def test_every_cells_job_stands_in_the_accounts_with_what_it_asked_for_and_took(
    accounts: None, cluster_project: Project
) -> None:
    cluster_project.configure(axes={"batch_size": {"values": [1, 2]}}, protocol=PROTOCOL)
    account = ["slurm_partition=gpu", f"slurm_account={loopback.ACCOUNT}", "runtime=30", "mem_mb=2000"]
    said = finish(cluster_project, "--until", "profile_run", *ASKING_SACCT, "--default-resources", *account)
    assert "SLURM status is" not in said, "no job failed"
    rows = loopback.sacct(f"--format={COLUMNS}")
    cells = {row["JobID"]: row for row in rows if row["Comment"].startswith("rule_profile_run")}
    assert sorted(row["Comment"].partition("shapes_")[2].split("-in-")[0] for row in cells.values()) == [
        "cpu-fp32-b1",
        "cpu-fp32-b2",
    ]
    for job, row in cells.items():
        assert (row["State"], row["ExitCode"], row["Account"], row["Partition"]) == (
            "COMPLETED",
            "0:0",
            loopback.ACCOUNT,
            "gpu",
        )
        assert row["NodeList"] in loopback.NODES
        assert (row["ReqMem"], row["Timelimit"]) == ("2501M", "01:10:00"), (
            "beyond the run's own hour; the tiny model adds nothing"
        )
        steps = [step for step in rows if step["JobID"].startswith(f"{job}.") and step["MaxRSS"]]
        assert max(int(step["MaxRSS"].removesuffix("K")) for step in steps) > 300_000, (
            "torch and a model were in memory"
        )
        assert max(int(step["CPUTimeRAW"]) for step in steps) > 0


def test_a_workflow_that_asks_sacct_waits_for_a_cancelled_job_until_it_is_interrupted(
    accounts: None, two_to_do: Project, undisturbed: Project
) -> None:
    """Why the profile asks squeue: this executor does not know sacct's word for such a job. Nothing is lost
    by it.
    """
    process = submit(two_to_do, *ASKING_SACCT)
    job = running_run(process)
    subprocess.run(["scancel", job], check=True)
    loopback.wait_for(
        lambda: loopback.sacct(f"--jobs={job}", "--format=State")[0]["State"].startswith("CANCELLED")
    )
    loopback.wait_for(lambda: not running("profile_run"), seconds=120)
    time.sleep(STATUS_CHECKS_S)
    assert process.poll() is None
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=120) != 0
    finishes(two_to_do, undisturbed)
