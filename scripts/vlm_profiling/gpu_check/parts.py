"""The parts of a check, in the order of what is wanted first. Each takes what is left of its minutes, and
leaves its files.
"""

from __future__ import annotations

import os
import shutil
import time
from collections import Counter
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from vlm_profiling.gpu_check.facts import PartState, State
from vlm_profiling.gpu_check.in_process import measure_device, measure_overhead
from vlm_profiling.gpu_check.jobs import Job, Outcome, run_jobs, script_job
from vlm_profiling.gpu_check.studies import (
    MODELS,
    STUDIES,
    TINY,
    CheckStudy,
    open_studies,
    page_job,
    table_job,
)
from vlm_profiling.record.files import RecordError, read_record
from vlm_profiling.study import Run

LOGS = Path("logs")
DEVICE_FACTS = Path("device", "facts.json")
OVERHEAD, DECODE = Path("overhead.json"), Path("decode.json")
AGAIN = Path("again")
"""Folder of the record of a run that was measured a second time."""


class Part(NamedTuple):
    """A part of the check."""

    run: Callable[[str, float], tuple[State, str]]
    """Runs it for a device (cuda or cpu) until a deadline of time.monotonic; returns how it ended, and what
    to say of it.
    """
    budget_s: float
    """The most it may take, so that one part that hangs leaves time to the others."""
    least_s: float
    """With less left it is not begun."""


def run_part(part: Part, device: str, deadline_s: float) -> PartState:
    """Run one part within its budget and the whole check's deadline."""
    started = time.monotonic()
    left_s = deadline_s - started
    if left_s < part.least_s:
        note = f"{max(left_s, 0):.0f} s were left, it needs {part.least_s:.0f} s"
        return PartState(state="skipped", note=note, seconds=0.0)
    state, note = part.run(device, min(deadline_s, started + part.budget_s))
    return PartState(state=state, note=note, seconds=time.monotonic() - started)


def _prepare(device: str, deadline_s: float) -> tuple[State, str]:
    """Data sets, checkpoints (of full-size ones config and processor) and costs, several at a time."""
    studies = open_studies(device).values()
    jobs = [job for study in studies for job in (*study.dataset_jobs(), *study.model_jobs())]
    outcomes = run_jobs(jobs, LOGS, deadline_s=deadline_s, at_once=_side_by_side())
    return _state(
        outcomes, f"{sum(outcome.status == 0 for outcome in outcomes)} data sets and models made ready"
    )


def _device(device: str, deadline_s: float) -> tuple[State, str]:
    """Facts of the machine; the GPU's meters watched while it idles and works."""
    lock = Path(open_studies(device)[MODELS].workflow.lock)
    job = Job("device", measure_device, (device, lock, DEVICE_FACTS))
    return _state(
        run_jobs([job], LOGS, deadline_s=deadline_s), f"{DEVICE_FACTS} and every reading of the meters"
    )


def _ceilings(device: str, deadline_s: float) -> tuple[State, str]:
    """Matrix rates, bandwidth, launches; for both studies the same."""
    ceilings = Path(MODELS, "ceilings", f"{device}.json")
    arguments = (
        "--device",
        device,
        "--lock",
        open_studies(device)[MODELS].workflow.lock,
        "--output",
        str(ceilings),
    )
    state = _state(
        run_jobs([script_job("ceilings", "calibrate_device", *arguments)], LOGS, deadline_s=deadline_s),
        str(ceilings),
    )
    if ceilings.exists():
        copy = Path(TINY, "ceilings", ceilings.name)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ceilings, copy)
    return state


def _tiny(device: str, deadline_s: float) -> tuple[State, str]:
    """Every cell of the tiny study, several at a time: what becomes of it counts, not its times."""
    return _measure(open_studies(device)[TINY], deadline_s, at_once=_side_by_side())


def _models(device: str, deadline_s: float) -> tuple[State, str]:
    """Every cell of the study of full-size models, one after the other."""
    return _measure(open_studies(device)[MODELS], deadline_s, at_once=1)


def _measure(study: CheckStudy, deadline_s: float, at_once: int) -> tuple[State, str]:
    runs = list(study.workflow.runs.values())
    missing = [run for run in runs if not study.record_path(run).exists()]
    unready = [run for run in missing if not all(path.exists() for path in study.files_of(run))]
    ready = [run for run in missing if run not in unready]
    outcomes = run_jobs(
        [study.run_job(run) for run in ready],
        LOGS,
        deadline_s=deadline_s,
        at_once=at_once,
        whole=at_once == 1,
    )
    ended = Counter(_status(study, run) for run in runs)
    words = ", ".join(f"{count} {status}" for status, count in ended.most_common())
    state, note = _state(outcomes, "")
    note = f"{len(runs)} cells: {words}{f'; {note}' if note else ''}"
    return ("failed", f"{note}; {len(unready)} cells were not made ready") if unready else (state, note)


def _overhead(device: str, deadline_s: float) -> tuple[State, str]:
    """What the passes cost on the first model, and what its decode step is made of."""
    study = open_studies(device)[MODELS]
    run = study.first_run
    dtype = study.workflow.study.optimizations[run.point.optimization].dtype
    budget_s = (deadline_s - time.monotonic()) * PAIRS_SHARE
    job = Job("overhead", measure_overhead, (*study.files_of(run), device, dtype, OVERHEAD, DECODE, budget_s))
    return _state(
        run_jobs([job], LOGS, deadline_s=deadline_s),
        f"{OVERHEAD}, {DECODE}: passes beside a bare loop, a decode step beside its twin, on {run.model}",
    )


def _again(device: str, deadline_s: float) -> tuple[State, str]:
    """The first run a second time, in a new process."""
    study = open_studies(device)[MODELS]
    run = study.first_run
    if not study.record_path(run).exists():
        return "skipped", f"the first run of {run.model} has no record to be compared with"
    output = again_path(run)
    output.unlink(missing_ok=True)
    return _state(
        run_jobs([study.run_job(run, output)], LOGS, deadline_s=deadline_s), f"{run.name} a second time"
    )


def _tables(device: str, deadline_s: float) -> tuple[State, str]:
    """Tables, charts and pages from the records that lie here; needs no device."""
    lacking = [
        name
        for name in ("polars", "altair", "vl_convert", "jinja2", "markdown_it")
        if find_spec(name) is None
    ]
    if "polars" in lacking:
        return (
            "skipped",
            "polars is not installed here; the same folder makes tables and pages where the project is installed",
        )
    makers = [table_job] if lacking else [table_job, page_job]
    there = [name for name in STUDIES if Path(name, "study.json").exists()]
    outcomes = [
        outcome
        for make in makers
        for outcome in run_jobs([make(name) for name in there], LOGS, deadline_s=deadline_s)
    ]
    return _state(outcomes, "tables" if lacking else "tables, charts and pages")


PAIRS_SHARE = 0.6
"""Of the time for the overheads: the rest is loading the model."""

PARTS = {
    "prepare": Part(_prepare, budget_s=90, least_s=10),
    "device": Part(_device, budget_s=60, least_s=15),
    "ceilings": Part(_ceilings, budget_s=40, least_s=10),
    "models": Part(_models, budget_s=270, least_s=15),
    "again": Part(_again, budget_s=75, least_s=10),
    "overhead": Part(_overhead, budget_s=75, least_s=15),
    "tiny": Part(_tiny, budget_s=120, least_s=15),
    "tables": Part(_tables, budget_s=60, least_s=10),
}


def again_path(run: Run) -> Path:
    """Where the second record of a run lies."""
    return AGAIN / f"{run.model}-{run.point.label}.json"


def _side_by_side() -> int:
    """How many processes may share this machine where times do not count."""
    return max(1, min(8, len(os.sched_getaffinity(0)) // 2))


def _state(outcomes: Sequence[Outcome], done: str) -> tuple[State, str]:
    """How a part ended whose jobs ended so; a job that failed is named, with the log that tells why."""
    failed = [f"{outcome.name}: {outcome.words}" for outcome in outcomes if outcome.status]
    cut = [outcome.name for outcome in outcomes if outcome.status is None]
    notes = [*failed, *([f"{len(cut)} cut off or not begun: {', '.join(cut[:3])}"] if cut else [])]
    if not notes or any(outcome.status == 0 for outcome in outcomes):
        notes.append(done)
    return "failed" if failed else "cut off" if cut else "done", "; ".join(notes)


def _status(study: CheckStudy, run: Run) -> str:
    try:
        return read_record(study.record_path(run)).status
    except RecordError:
        return "without a record"
