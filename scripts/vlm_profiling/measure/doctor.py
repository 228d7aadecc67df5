"""Whether this machine can do a study: each thing looked at, what was found, and how to mend it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, NamedTuple

import pynvml

from vlm_profiling.measure.locks import lock_differences, read_lock
from vlm_profiling.record.images import sif_identifier

Verdict = Literal["ok", "warn", "fail", "none"]
LEAST_FREE_BYTES = 50e9
"""A checkpoint of 7 billion parameters is 15 GB; a study has several, and an image of 5 to 8 GB."""
POWERCAP = Path("/sys/class/powercap")
TIMEOUT_S = 20


class Check(NamedTuple):
    """One thing of the machine. none: not there, and not needed for this study."""

    verdict: Verdict
    name: str
    found: str
    mend: str = ""


def examine(*, needs_gpu: bool, hardware: str | None, container: str, lock: Path, results: Path) -> Iterator[Check]:
    """Every check of this machine for a study with these settings; none of them loads torch."""
    yield _packages(lock) if container == "none" else _apptainer()
    if container != "none":
        yield _image(container)
        yield _user_namespaces()
    yield _gpu(needs_gpu, hardware)
    yield _slurm()
    yield _disk(results)
    yield _hub_cache()
    yield _rapl(needs_gpu)


def _packages(lock: Path) -> Check:
    differences = lock_differences(read_lock(lock))
    if not differences:
        return Check("ok", "packages", f"as {lock.name} pins them, Python {sys.version.split()[0]}")
    return Check("warn", "packages", "; ".join(differences[:5]), "make clean-env env")


def _apptainer() -> Check:
    program = shutil.which("apptainer")
    if program is None:
        mend = "install Apptainer (apptainer.org/docs), load its module, or say `container: none` to measure on the host"
        return Check("fail", "container runtime", "no apptainer in PATH", mend)
    return Check("ok", "container runtime", _said(program, "--version") or "apptainer does not answer")


def _image(container: str) -> Check:
    if "://" in container:
        return Check(
            "ok", "image", f"{container}, pulled when first used; on a cluster without network do that on the login node"
        )
    identifier = sif_identifier(Path(container))
    if identifier is None:
        return Check("fail", "image", f"{container} is not there or no SIF file", "make containers")
    return Check("ok", "image", f"{container}, {Path(container).stat().st_size / 1e9:.1f} GB, {identifier}")


def _user_namespaces() -> Check:
    if os.geteuid() == 0:
        return Check("ok", "mounting images", "as root")
    if os.access("/dev/fuse", os.R_OK | os.W_OK):
        return Check("ok", "mounting images", "FUSE")
    return Check(
        "warn", "mounting images", "no access to FUSE's device", "an administrator's chmod a+rw; or --apptainer-args=--unsquash"
    )


def _gpu(needed: bool, hardware: str | None) -> Check:
    try:
        names = _gpu_names()
    except pynvml.NVMLError as error:
        mend = "install NVIDIA's driver; on a login node without GPUs start this in a job: srun --gpus=1 make doctor"
        return Check("fail" if needed else "none", "GPU", str(error), mend if needed else "")
    if hardware and not any(hardware.lower() in name.lower() for name in names):
        return Check(
            "warn", "GPU", f"{', '.join(names)}; the study declares hardware {hardware}", "change `hardware`, or the machine"
        )
    return Check("ok", "GPU", ", ".join(names))


def _gpu_names() -> list[str]:
    pynvml.nvmlInit()
    names = [pynvml.nvmlDeviceGetName(pynvml.nvmlDeviceGetHandleByIndex(i)) for i in range(pynvml.nvmlDeviceGetCount())]
    return [name.decode() if isinstance(name, bytes) else name for name in names]


def _slurm() -> Check:
    program = shutil.which("sinfo")
    if program is None:
        return Check("none", "SLURM", "no sinfo in PATH: only profiles/slurm-h100 needs it")
    partitions = _said(program, "--noheader", "--format=%P %D nodes %G")
    if partitions is None:
        return Check("fail", "SLURM", "sinfo does not reach a controller", "is slurmctld up, and is this a node of the cluster?")
    return Check("ok", "SLURM", partitions.replace("\n", "; "))


def _disk(results: Path) -> Check:
    folder = next(path for path in (results.absolute(), *results.absolute().parents) if path.exists())
    free = shutil.disk_usage(folder).free
    mend = "free some, or start from a folder on a larger disk"
    return Check(
        "ok" if free > LEAST_FREE_BYTES else "warn", "disk", f"{free / 1e9:.0f} GB free", mend if free <= LEAST_FREE_BYTES else ""
    )


def _hub_cache() -> Check:
    named = os.environ.get("HF_HOME")
    folder = Path(named or "~/.cache/huggingface").expanduser()
    place = next(path for path in (folder, *folder.parents) if path.exists())
    if not os.access(place, os.W_OK):
        return Check("fail", "hub cache", "cannot be written", "export HF_HOME=FOLDER, on a disk that the compute nodes see")
    return Check("ok", "hub cache", "HF_HOME is set" if named else "HF_HOME is not set: below the home folder")


def _rapl(needs_gpu: bool) -> Check:
    domains = sorted(POWERCAP.glob("intel-rapl:*/energy_uj"))
    if not domains:
        return Check("none", "CPU energy", "no RAPL on this host: the CPU's joules are null with that reason")
    if not any(os.access(domain, os.R_OK) for domain in domains):
        return Check(
            "warn",
            "CPU energy",
            "RAPL is there but not readable",
            "chmod a+r on powercap's energy_uj files, by root, at each boot",
        )
    return Check("ok", "CPU energy", f"{len(domains)} RAPL domains readable")


def _said(*command: str) -> str | None:
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, check=True).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return None
