"""Processes of a check: fresh, logged, cut off in time."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from vlm_profiling.gpu_check.jobs import Job, run_jobs


def tell(words: str) -> None:
    print(words, os.getpid(), "torch" in sys.modules)


def end_with(status: int) -> None:
    sys.exit(status)


def test_each_job_has_a_process_a_log_and_an_exit_status(tmp_path: Path) -> None:
    jobs = [Job("first", tell, ("hello",)), Job("second", tell, ("again",)), Job("third", end_with, (3,))]
    outcomes = run_jobs(jobs, tmp_path, deadline_s=time.monotonic() + 60, at_once=2)

    assert [outcome.status for outcome in outcomes] == [0, 0, 3]
    (hello, first, loaded), (_, second, _) = (
        (tmp_path / f"{name}.log").read_text().split() for name in ("first", "second")
    )
    assert (hello, loaded) == ("hello", "True"), "the libraries are there before the job begins"
    assert len({first, second, str(os.getpid())}) == 3


def test_what_has_not_ended_at_the_deadline_is_cut_off(tmp_path: Path) -> None:
    started = time.monotonic()
    jobs = [Job("long", time.sleep, (60,)), Job("waiting", tell, ("never",))]
    outcomes = run_jobs(jobs, tmp_path, deadline_s=started + 1)

    assert [outcome.words for outcome in outcomes] == ["cut off", "cut off"]
    assert time.monotonic() - started < 15
    assert not (tmp_path / "waiting.log").exists()
