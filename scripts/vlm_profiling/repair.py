"""What a start of the workflow mends by itself.

Before its jobs: what killed processes left behind, and damaged data sets. After them: what lies in a record's
place and is none.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from vlm_profiling.errors import VlmError
from vlm_profiling.record.damage import damage_notes
from vlm_profiling.workflow import StudyWorkflow

SET_ASIDE = ".set-aside"
"""Ending of a file that lay in a record's place and is not that record."""


class RepairError(VlmError):
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
    the workflow's. Raises RepairError.
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
                raise RepairError(
                    f"data set {note.name} is damaged and cannot be prepared again: {done.stderr.strip()}"
                )
        note.unlink()


def set_aside_broken_records(workflow: StudyWorkflow) -> Iterator[str]:
    """Rename what lies in a record's place and the tables call malformed or foreign, so that the next start
    measures it.

    Yields a line for each.
    """
    import polars

    from vlm_profiling.tables.read_records import read_runs

    try:
        told = polars.read_parquet(
            Path(workflow.study.results, "tables", "runs.parquet"), columns=["key", "state"]
        )
    except (OSError, polars.exceptions.PolarsError):
        return  # none yet, or a broken one: called after whatever happened, and the step that needs it says what is wrong
    keys = set(told.filter(polars.col("state").is_in(["malformed", "foreign"]))["key"])
    suspects = [run for run in workflow.runs.values() if run.key in keys]
    folder = Path(workflow.study.results, "runs")
    for reading in read_runs(folder, suspects):
        if reading.state in ("malformed", "foreign"):
            path = folder / f"{reading.run.name}.json"
            path.replace(path.with_name(path.name + SET_ASIDE))
            yield f"{path} was set aside as {path.name}{SET_ASIDE} ({reading.reason}); start again to measure it"
