"""The host: disk, the hub's cache, the CPU's meter, and the load by other processes."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

from vlm_profiling.doctor.base import MachineCheck, missing, not_needed, ok, warn
from vlm_profiling.measure.environment.processors import busy_time, load_by_others
from vlm_profiling.measure.meters.base import MeterError
from vlm_profiling.measure.meters.rapl import POWERCAP, RaplMeter
from vlm_profiling.study import Study

RESULTS_BYTES = 2e9
"""Records, tables, charts, prepared images of a study; and room to write the next."""
HUB_MODEL_BYTES = 20e9
"""A checkpoint of 7 to 8 billion parameters in 16 bits is 15 to 17 GB."""
FETCH_REPAIR = (
    "where there is network: unset HF_HUB_OFFLINE, then snakemake --until prepare_checkpoint prepare_dataset"
)
LOAD_S = 1.0
TOLERATED_LOAD = 0.05
"""Share of the cores' time; more than that is seen in repeats."""


def check_results(results: Path) -> MachineCheck:
    """Whether the study can write its results."""
    folder = _existing(results)
    if not os.access(folder, os.W_OK):
        repair = "chown it, or name another folder with `results`"
        return missing("results", f"{results} cannot be written", repair)
    return _check_space("results", folder, RESULTS_BYTES)


def check_hub(study: Study) -> Iterator[MachineCheck]:
    """The hub's cache: its folder, whether it can be written, the models still to be fetched into it."""
    models = {name: model for name, model in study.models.items() if model.hub is not None}
    if not models and not any(dataset.hub for dataset in study.datasets.values()):
        yield not_needed("HF_HOME", "nothing of this study comes from a hub")
        return
    named = os.environ.get("HF_HOME")
    cache = Path(named or "~/.cache/huggingface").expanduser()
    repair = "export HF_HOME=FOLDER, on a disk with room that compute nodes see too"
    if not os.access(_existing(cache), os.W_OK):
        found = f"{'it' if named else 'not set, and ~/.cache'} cannot be written"
        yield missing("HF_HOME", found, repair)
    elif named:
        yield ok("HF_HOME", named)
    else:
        yield warn("HF_HOME", "not set: models are fetched below the home folder", repair)
    folders = {name: f"models--{str(model.hub).replace('/', '--')}" for name, model in models.items()}
    absent = [
        name
        for name, model in models.items()
        if not (cache / "hub" / folders[name] / "snapshots" / str(model.revision)).is_dir()
    ]
    if absent and os.environ.get("HF_HUB_OFFLINE", "") not in ("", "0"):
        yield missing(
            "hub models", f"not in the cache, and HF_HUB_OFFLINE is set: {', '.join(absent)}", FETCH_REPAIR
        )
    elif absent:
        name = f"{len(absent)} hub models to fetch"
        yield _check_space(name, _existing(cache), HUB_MODEL_BYTES * len(absent))
    else:
        yield ok("hub models", "all in the cache")


def check_cpu_energy(*, needed: bool, powercap: Path = POWERCAP) -> MachineCheck:
    """RAPL, really read."""
    try:
        domains = ", ".join(zone.name for zone in RaplMeter(powercap).zones)
    except MeterError as error:
        found, _, repair = str(error).partition("; ")
        if not needed:
            return not_needed("CPU energy", f"{found}; no run of this study needs it")
        return warn("CPU energy", found, repair or "none: the CPU's joules are null, with that reason")
    return ok("CPU energy", f"RAPL of {domains}")


def check_load() -> MachineCheck:
    """The share of the cores' time that other processes take, over a second."""
    try:
        start = busy_time()
        time.sleep(LOAD_S)
        share = load_by_others(start, busy_time())
    except MeterError as error:
        return not_needed("CPU load", str(error))
    found = f"{share:.0%} of the cores' time goes to other processes"
    if share <= TOLERATED_LOAD:
        return ok("CPU load", found)
    return warn("CPU load", found, "end them, or measure later: figures on the CPU will scatter")


def _check_space(name: str, folder: Path, needed_bytes: float) -> MachineCheck:
    free_bytes = shutil.disk_usage(folder).free
    found = f"{free_bytes / 1e9:.0f} GB free, some {needed_bytes / 1e9:.0f} GB needed"
    if free_bytes >= needed_bytes:
        return ok(name, found)
    return warn(name, found, "free some, or use a folder on a larger disk")


def _existing(folder: Path) -> Path:
    """The nearest folder above that exists."""
    return next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
