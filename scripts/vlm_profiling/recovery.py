"""The recovery that each start of the workflow makes, and the lines that it ends with.

Before its jobs: files of killed processes are removed, damaged data sets prepared again. After them: what is
in a record's place and is none is set aside, failed steps are named, and outcomes counted.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

import msgspec

from vlm_profiling.errors import VlmError
from vlm_profiling.record.damage import damage_notes
from vlm_profiling.tables.read_records import read_runs
from vlm_profiling.workflow import StudyWorkflow

SET_ASIDE = ".set-aside"
"""Ending of a file that was in a record's place and is not that record."""
MESSAGE = "vlm-profiling: "
"""The beginning of an expected error's message (errors.py)."""
SHOWN_LINES = 8


class RecoveryError(VlmError):
    """A damaged data set could not be prepared again; the message holds the reason."""


def sweep_leftovers(results: Path) -> None:
    """Remove temporary files, folders and locks that killed processes left in a results folder: nobody holds
    a lock on them.
    """
    for path in list(results.rglob(".*")):
        if path.suffix in (".tmp", ".lock"):
            with suppress(OSError):
                _remove_unless_held(path)


def _remove_unless_held(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    finally:
        os.close(descriptor)


def prepare_damaged_datasets(workflow: StudyWorkflow) -> None:
    """Prepare again the data sets that a run found damaged.

    The same source gives the same bytes, so that no finished run is made stale, as it would be by a job of
    the workflow's. Raises RecoveryError.
    """
    results = Path(workflow.study.results)
    for note in damage_notes(results):
        if note.name in workflow.study.datasets:
            script = workflow.code_folder / "scripts" / "prepare_dataset.py"
            settings = ["--name", note.name, "--dataset", workflow.dataset_json(note.name)]
            output = results / "datasets" / note.name / "manifest.json"
            command = [sys.executable, str(script), *settings, "--output", str(output)]
            done = subprocess.run(command, capture_output=True, text=True)
            if done.returncode != 0:
                raise RecoveryError(
                    f"data set {note.name} is damaged and cannot be prepared again: {done.stderr.strip()}"
                )
        note.unlink()


def set_aside_broken_records(workflow: StudyWorkflow) -> Iterator[str]:
    """Rename what is in a record's place and the tables call malformed or foreign, so that the next start
    measures it. Yields a line for each.
    """
    import polars

    table = Path(workflow.study.results, "tables", "runs.parquet")
    try:
        states = polars.read_parquet(table, columns=["key", "state"])
    except (OSError, polars.exceptions.PolarsError):
        return  # none yet, or a broken one: the step that needs it says what is wrong
    keys = set(states.filter(polars.col("state").is_in(["malformed", "foreign"]))["key"])
    suspects = [run for run in workflow.runs.values() if run.key in keys]
    folder = Path(workflow.study.results, "runs")
    for outcome in read_runs(folder, suspects):
        if outcome.state in ("malformed", "foreign"):
            path = folder / f"{outcome.run.name}.json"
            path.replace(path.with_name(path.name + SET_ASIDE))
            yield (
                f"{path} was set aside as {path.name}{SET_ASIDE} ({outcome.reason}); start again to measure"
                " it"
            )


def count_outcomes(workflow: StudyWorkflow) -> str:
    """The number of runs of each status: '126 runs: 120 ok, 4 oom, 2 missing'."""
    counts = Counter(_status(path) for path in workflow.record_paths)
    statuses = ", ".join(f"{count} {status}" for status, count in counts.most_common())
    return f"{len(workflow.runs)} runs: {statuses}"


class _Status(msgspec.Struct):
    """The field that is read of a record here."""

    status: str


def _status(path: str) -> str:
    try:
        return msgspec.json.decode(Path(path).read_bytes(), type=_Status).status
    except FileNotFoundError:
        return "missing"
    except (OSError, msgspec.MsgspecError):
        return "malformed"


def failure_lines(logs: Iterable[str]) -> Iterator[str]:
    """The message of each failed step, from its log: the lines of an expected error, else the very last one.

    Args:
        logs: the paths of the failed steps' logs.
    """
    for log in sorted(logs):
        try:
            lines = Path(log).read_text(errors="replace").split("\n")
        except OSError:
            continue
        lines = [line for line in lines if line.strip()]
        begins = [number for number, line in enumerate(lines) if line.startswith(MESSAGE)] or [len(lines) - 1]
        message = "\n  ".join(lines[begins[-1] :][:SHOWN_LINES]) if lines else "ended without a word"
        yield f"{log}:\n  {_printable(message.removeprefix(MESSAGE))}"


def _printable(text: str) -> str:
    """Text from outside without what could steer a terminal."""
    return "".join(mark if mark.isprintable() or mark == "\n" else "\ufffd" for mark in text)
