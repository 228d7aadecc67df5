"""Where a run happened: software, processor, memory, GPU, container, commit. Never a host name, a user or a
path.
"""

from __future__ import annotations

import os
import platform
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path, PurePath

from vlm_profiling.measure.environment.requirements_lock import installed_version, lock_differences, read_lock
from vlm_profiling.measure.meters.base import MeterError
from vlm_profiling.measure.meters.gpu import current_gpus
from vlm_profiling.record.container_image import RUNTIME_VARIABLE, ContainerImage, sif_identifier
from vlm_profiling.record.machine import Environment, Gpu
from vlm_profiling.study.spec import lock_sha256

PACKAGES = (
    "accelerate",
    "av",
    "bitsandbytes",
    "flash-attn",
    "huggingface-hub",
    "jiwer",
    "numpy",
    "nvidia-ml-py",
    "pillow",
    "safetensors",
    "scipy",
    "tokenizers",
    "torch",
    "torchao",
    "torchvision",
    "transformers",
    "triton",
)
"""Packages whose version can move a number."""
PROJECT = Path(__file__).resolve().parents[4]
CGROUP = Path("/sys/fs/cgroup")
SYSTEM = Path("/sys/devices/system")
IMAGE_LABELS = Path("/.singularity.d/labels.json")
"""Where Apptainer says what an image was made from."""
GIT_TIMEOUT_S = 20


def describe_environment(
    device: str, lock: Path | None, threads: int, image: ContainerImage | None = None, gpus: int = 1
) -> Environment:
    """The environment of this process, for a run on `device` ("cuda", of which `gpus`, or "cpu") with
    `threads` torch threads.

    `image`: where the study's runs belong, for one of a study.

    Raises LockError or OSError when a lock is given that cannot be read; whatever else this machine does not
    tell is null.
    """
    environment = Environment(
        python=platform.python_version(),
        platform=_platform(),
        packages={name: version for name in PACKAGES if (version := installed_version(name)) is not None},
        cpu=_cpu_model(),
        cpu_cores=_usable_cores(),
        cpu_governor=_governor(),
        cpu_max_mhz=_highest_clock_mhz(),
        smt=_simultaneous_threads(),
        numa_nodes=_numa_nodes(),
        threads=threads,
        memory_bytes=_usable_memory_bytes(),
        container=_container(),
        container_digest=_container_digest(image),
        container_runtime=os.environ.get(RUNTIME_VARIABLE),
        git_commit=_git("rev-parse", "HEAD"),
    )
    if environment.container is None and image is not None:
        environment.absent["container"] = "the study says container: none"
    if environment.git_commit is not None:
        changes = _git("status", "--porcelain", "--untracked-files=no")
        environment.git_dirty = None if changes is None else changes != ""
    if lock is not None:
        environment.lock_sha256 = lock_sha256(lock.read_text(encoding="utf-8"))
        environment.lock_differences = lock_differences(read_lock(lock), unpinned=PACKAGES)
    if device == "cuda":
        try:
            environment.gpu, *environment.further_gpus = _describe_gpus(gpus)
        except MeterError as error:
            environment.absent["gpu"] = str(error)
    return environment


def _describe_gpus(count: int) -> list[Gpu]:
    import torch

    gpus = [gpu.describe() for gpu in current_gpus(count)]
    for gpu in gpus:
        gpu.cuda = torch.version.cuda
    return gpus


def _platform() -> str:
    """Distribution, kernel and architecture; never the host name."""
    try:
        distribution = platform.freedesktop_os_release()["PRETTY_NAME"]
    except OSError:
        distribution = platform.system()
    return f"{distribution}, {platform.system()} {platform.release()} {platform.machine()}"


def _cpu_model() -> str:
    """The processor's name as the kernel has it; its architecture where it has none (many ARM kernels)."""
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        key, _, value = line.partition(":")
        if key.strip() == "model name":
            return value.strip()
    return platform.machine()


def _usable_cores() -> int:
    """Cores in this process's affinity mask, no more than its control group's quota allows (at least 1)."""
    cores = len(os.sched_getaffinity(0))
    for quota in _cgroup_values("cpu.max"):
        allowed_us, period_us = quota.split()
        if allowed_us != "max":
            cores = min(cores, max(1, int(allowed_us) // int(period_us)))
    return cores


def _usable_memory_bytes() -> int:
    """Memory of the machine, no more than its control group allows this process."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    limits = [int(limit) for limit in _cgroup_values("memory.max") if limit != "max"]
    return min([memory, *limits])


def _cgroup_values(name: str) -> Iterator[str]:
    """A setting of this process's control group (version 2) and of all those above it, which all bind."""
    groups = Path("/proc/self/cgroup").read_text().splitlines()
    own = next((line.removeprefix("0::") for line in groups if line.startswith("0::")), None)
    if own is None:
        return
    group = CGROUP / own.lstrip("/")
    for folder in (group, *group.parents):
        if folder.is_relative_to(CGROUP) and (folder / name).is_file():
            yield (folder / name).read_text().strip()


def _governor() -> str | None:
    """What sets the clocks of the usable cores; several where they differ."""
    folders = (SYSTEM / "cpu" / f"cpu{core}" / "cpufreq" for core in sorted(os.sched_getaffinity(0)))
    governors = {text for folder in folders if (text := _text(folder / "scaling_governor")) is not None}
    return ", ".join(sorted(governors)) or None


def _highest_clock_mhz() -> float | None:
    khz = _text(SYSTEM / "cpu" / f"cpu{min(os.sched_getaffinity(0))}" / "cpufreq" / "cpuinfo_max_freq")
    return int(khz) / 1e3 if khz else None


def _simultaneous_threads() -> bool | None:
    active = _text(SYSTEM / "cpu" / "smt" / "active")
    return active == "1" if active else None


def _numa_nodes() -> int | None:
    """Nodes that hold a core in this process's affinity mask."""
    lists = [_text(folder / "cpulist") for folder in (SYSTEM / "node").glob("node[0-9]*")]
    usable = os.sched_getaffinity(0)
    return sum(not usable.isdisjoint(_cores(cores)) for cores in lists if cores) or None


def _cores(ranges: str) -> Iterator[int]:
    """Cores of a list as the kernel writes it: "0-3,8"."""
    for part in ranges.split(","):
        first, _, last = part.partition("-")
        yield from range(int(first), int(last or first) + 1)


def _container() -> str | None:
    """File name of the Apptainer image the process runs in."""
    image = _container_image()
    return PurePath(image).name if image else None


def _container_image() -> str | None:
    return os.environ.get("APPTAINER_CONTAINER") or os.environ.get("SINGULARITY_CONTAINER")


def _container_digest(image: ContainerImage | None) -> str | None:
    """The digest that the study pins its image by; else the identifier in the head of the SIF file, if it is
    seen from here; else the OCI digest that its labels name, of what it was made from.
    """
    inside = _container_image()
    if inside is None:
        return None
    if image is not None and image.digest is not None:
        return image.digest
    made_from = re.search(r"@(sha256:[0-9a-f]{64})", _text(IMAGE_LABELS) or "")
    return sif_identifier(Path(inside)) or (made_from and made_from[1])


def _text(path: Path) -> str | None:
    """A small file's text; null where it cannot be read."""
    try:
        return path.read_text().strip()
    except OSError:
        return None


def _git(*arguments: str) -> str | None:
    """What git says of the project; null without git or outside a repository. Takes no lock: runs go on side
    by side.
    """
    command = ("git", "--no-optional-locks", "-C", str(PROJECT), *arguments)
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=GIT_TIMEOUT_S, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return answer.stdout.strip()
