"""SLURM: whether it answers, and offers the GPUs that the study declares."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

from vlm_profiling.doctor.base import MachineCheck, ask, not_needed, ok, warn

SLURM_REPAIR = "ask the administrators whether slurmctld is up and this machine belongs to the cluster"
GPU_REPAIR = "set gpu_model in profiles/slurm-h100/profile.yaml to its name in `sinfo -o %G`"


def ask_partitions() -> tuple[bool, str] | None:
    """Whether SLURM answers, and its partitions with GPUs, or its error; None without SLURM."""
    program = shutil.which("sinfo")
    return ask(program, "--noheader", "--format=%P %D nodes %G") if program else None


def check_slurm(partitions: tuple[bool, str] | None, gpu_model: str | None) -> Iterator[MachineCheck]:
    """What the profile slurm-h100 needs.

    Args:
        partitions: the answer of ask_partitions.
        gpu_model: the GPU that a partition has to offer; None where the study needs none.
    """
    if partitions is None:
        yield not_needed("SLURM", "no sinfo in PATH: only the profile slurm-h100 needs it")
        return
    answers, said = partitions
    if not answers:
        yield warn("SLURM", said, SLURM_REPAIR)
        return
    yield ok("SLURM", said.replace("\n", "; "))
    answers, problem = ask("squeue", "--noheader", "--format=%i")
    if not answers:
        yield warn(
            "SLURM", f"squeue, which the workflow asks for the state of its jobs: {problem}", SLURM_REPAIR
        )
    if gpu_model and gpu_model.lower() not in said.lower():
        yield warn("SLURM", f"no partition offers a GPU called {gpu_model}", GPU_REPAIR)
