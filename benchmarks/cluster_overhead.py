#!/usr/bin/env python3
"""What SLURM and a container cost: the whole integration, and a cell's seconds on the host, as a job, in the
image.

    .venv/bin/python benchmarks/cluster_overhead.py [--models 2]    needs root and what `make test-system`
    installs

Starts a loopback cluster of two nodes (tests/cluster/loopback.py), runs a study of six cells a model through
it in the CPU image, from data set to pages, and stops the cluster. Then the same cells are measured again in
each way, over the same prepared files. CPU seconds are of everything this program started, daemons and jobs
too: on a shared machine they say more than wall seconds. The image is built first, where it is not there yet,
and not counted.
"""

from __future__ import annotations

import argparse
import ctypes
import os
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(PROJECT / name) for name in ("scripts", "tests", "tests/cluster")]

import local_image  # noqa: E402
import loopback  # noqa: E402
from on_cluster import finish  # noqa: E402
from small_project import PROJECT as SOURCE  # noqa: E402
from small_project import STUDY, Project  # noqa: E402

MODELS = ("llava", "qwen2_5_vl", "blip2-opt", "blip2-t5")
AXES = {"batch_size": {"values": [1, 2, 3, 4]}, "max_input_len": {"values": [1, 2, 3]}}
CELLS_OF_A_MODEL = 6
PROTOCOL = {**STUDY["protocol"], "stages": False, "repeats": {"max_s": 0.5, "min_rounds": 2}}
SUBREAPER = 36
"""prctl's PR_SET_CHILD_SUBREAPER: daemons that this program starts become its children, and their seconds are
counted.
"""


def main() -> None:
    """The integration once, then the runs in each way."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--models", type=int, default=2, choices=range(1, len(MODELS) + 1))
    options = parser.parse_args()
    if reason := loopback.why_not() or local_image.why_not():
        sys.exit(reason)
    os.environ["OMP_NUM_THREADS"] = "1"
    image = local_image.cpu_image()
    models = {f"tiny-{name}": {"tiny": name} for name in MODELS[: options.models]}
    cells = CELLS_OF_A_MODEL * options.models
    ctypes.CDLL(None).prctl(SUBREAPER, 1, 0, 0, 0)
    with tempfile.TemporaryDirectory() as name:
        project = local_image.contained_project(
            Path(name, "contained"), image, models=models, axes=AXES, protocol=PROTOCOL
        )
        shutil.copytree(
            SOURCE / "profiles/slurm-h100", project.folder / "profiles/slurm-h100", dirs_exist_ok=True
        )

        def integration() -> None:
            loopback.up()
            finish(project)
            loopback.down()

        tell(f"cluster up, study of {cells} cells in the image from data set to pages, down", integration, 1)
        host = Project(Path(name, "host"))
        shutil.copytree(project.folder, host.folder, ignore=shutil.ignore_patterns("*.sif"))
        host.configure(models=models, axes=AXES, protocol=PROTOCOL)
        host.run("--until", "count_cost", "prepare_dataset")
        loopback.up()
        try:
            compare(host, project, cells)
        finally:
            loopback.down()


def compare(host: Project, contained: Project, cells: int) -> None:
    """The runs alone, each way."""
    only = ("--until", "profile_run")
    grouped = ("--groups", "profile_run=cells", "--group-components", f"cells={CELLS_OF_A_MODEL}")
    ways: dict[str, Callable[[], object]] = {
        "on the host, one after another": lambda: host.run(*only),
        "as SLURM jobs": lambda: finish(host, *only),
        "as a SLURM job array": lambda: finish(host, *only, "--slurm-array-jobs", "profile_run"),
        f"as SLURM jobs of {CELLS_OF_A_MODEL} cells each": lambda: finish(host, *only, *grouped),
        "as SLURM jobs in the image": lambda: finish(contained, *only),
    }
    for what, work in ways.items():
        for project in (host, contained):
            shutil.rmtree(project.folder / "results/runs", ignore_errors=True)
        tell(what, work, cells)


def tell(what: str, work: Callable[[], object], cells: int) -> None:
    """Do it, and print wall and CPU seconds, of a cell where there are several."""
    reap()
    before, started = cpu_s(), time.monotonic()
    work()
    wall_s = time.monotonic() - started
    reap()
    print(
        f"{what}: {wall_s / cells:.1f} s, {(cpu_s() - before) / cells:.1f} CPU "
        f"s{' a cell' if cells > 1 else ''}",
        flush=True,
    )


def cpu_s() -> float:
    """Of all children that have ended and of the daemons at work."""
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    return ended.ru_utime + ended.ru_stime


def reap() -> None:
    """Collect the daemons and steps that have ended, and so their seconds."""
    time.sleep(1)
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass


if __name__ == "__main__":
    main()
