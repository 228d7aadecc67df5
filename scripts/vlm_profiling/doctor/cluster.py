"""SLURM: whether it answers, and offers the GPUs that the study declares."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

from vlm_profiling.doctor.base import Check, ask


def ask_partitions() -> tuple[bool, str] | None:
    """Whether SLURM answers, and its partitions with their GPUs or its complaint; None where it is not
    installed.
    """
    program = shutil.which("sinfo")
    return ask(program, "--noheader", "--format=%P %D nodes %G") if program else None


def check_slurm(partitions: tuple[bool, str] | None, gpu_model: str | None) -> Iterator[Check]:
    """What the profile slurm-h100 needs. `gpu_model`: to be offered, where one is asked."""
    if partitions is None:
        yield Check("-", "SLURM", "no sinfo in PATH: only the profile slurm-h100 needs it")
        return
    repair = (
        "ask the cluster's administrators whether slurmctld is up and this machine belongs to the cluster"
    )
    answers, said = partitions
    if not answers:
        yield Check("warn", "SLURM", said, repair)
        return
    yield Check("ok", "SLURM", said.replace("\n", "; "))
    answers, problem = ask("squeue", "--noheader", "--format=%i")
    if not answers:
        yield Check(
            "warn", "SLURM", f"squeue, which tells the workflow how its jobs stand: {problem}", repair
        )
    if gpu_model and gpu_model.lower() not in said.lower():
        how = "set set-resources: profile_run: gpu_model in profiles/slurm-h100/profile.yaml to what `sinfo -o %G` calls it"
        yield Check("warn", "SLURM", f"no partition offers a GPU called {gpu_model}", how)
