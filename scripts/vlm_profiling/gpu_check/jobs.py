"""Work in fresh processes: forked from one that has imported the libraries, each with a log, cut off at a
deadline.
"""

from __future__ import annotations

import multiprocessing
import os
import runpy
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from multiprocessing.connection import wait
from multiprocessing.context import ForkServerContext, ForkServerProcess
from pathlib import Path
from typing import Any

SCRIPTS = Path(__file__).resolve().parents[2]
PRELOAD = "vlm_profiling.gpu_check.preload"
TO_STOP_S = 5.0
"""What a process that is cut off has to end by itself."""


@dataclass(frozen=True)
class Job:
    """A call that has a process to itself."""

    name: str
    """Of its log, below the folder of logs."""
    call: Callable[..., None]
    """Importable by its name; its exit status is that of the process."""
    arguments: tuple[Any, ...] = ()


@dataclass(frozen=True)
class Outcome:
    """How a job ended."""

    name: str
    status: int | None
    """Exit status; null where it was cut off, or not begun, at the deadline."""
    seconds: float

    @property
    def words(self) -> str:
        """In words, for a summary."""
        return (
            "cut off" if self.status is None else "done" if self.status == 0 else f"exit status {self.status}"
        )


def script_job(name: str, script: str, *arguments: str) -> Job:
    """One of the project's scripts with its command line."""
    return Job(name, run_scripts, (((script, arguments),),))


def run_scripts(calls: Sequence[tuple[str, Sequence[str]]]) -> None:
    """The project's scripts one after the other in this process, up to the first that fails."""
    for script, arguments in calls:
        sys.argv = [script, *arguments]
        try:
            runpy.run_path(str(SCRIPTS / f"{script}.py"), run_name="__main__")
        except SystemExit as end:
            if end.code:
                raise


def run_jobs(
    jobs: Sequence[Job], logs: Path, *, deadline_s: float, at_once: int = 1, whole: bool = False
) -> list[Outcome]:
    """All jobs, `at_once` at a time, in their order; what has not ended at `deadline_s` of time.monotonic is
    cut off.

    `whole`: none is begun with less time left than the longest took so far, since it would be cut off.
    """
    waiting, outcomes = list(jobs), {}
    running: dict[ForkServerProcess, tuple[str, float]] = {}
    try:
        while waiting or running:
            longest_s = max((outcome.seconds for outcome in outcomes.values()), default=0.0)
            if time.monotonic() + (longest_s if whole and not running else 0.0) >= deadline_s:
                break
            while waiting and len(running) < at_once:
                job = waiting.pop(0)
                running[_started(job, logs)] = (job.name, time.monotonic())
            wait([process.sentinel for process in running], timeout=max(0.0, deadline_s - time.monotonic()))
            for process in [process for process in running if process.exitcode is not None]:
                name, started_s = running.pop(process)
                outcomes[name] = Outcome(name, process.exitcode, time.monotonic() - started_s)
    finally:
        for process, (name, started_s) in running.items():
            _stop(process)
            outcomes[name] = Outcome(name, None, time.monotonic() - started_s)
    return [outcomes.get(job.name, Outcome(job.name, None, 0.0)) for job in jobs]


@cache
def _processes() -> ForkServerContext:
    """Where processes are forked from. PYTHONPATH and not sys.path tells older Pythons where the preload
    lies.
    """
    os.environ["PYTHONPATH"] = os.pathsep.join([str(SCRIPTS), *filter(None, [os.environ.get("PYTHONPATH")])])
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([PRELOAD])
    return context


def _started(job: Job, logs: Path) -> ForkServerProcess:
    process = _processes().Process(
        target=_enter, args=(logs / f"{job.name}.log", job.call, job.arguments), name=job.name
    )
    process.start()
    return process


def _enter(log: Path, call: Callable[..., None], arguments: tuple[Any, ...]) -> None:
    """In the new process: everything printed goes to the log."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("w") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    call(*arguments)


def _stop(process: ForkServerProcess) -> None:
    process.terminate()
    process.join(TO_STOP_S)
    if process.exitcode is None:
        process.kill()
        process.join()
