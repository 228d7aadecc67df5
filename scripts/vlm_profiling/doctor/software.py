"""Python, its packages against the locks, and what enters containers."""

from __future__ import annotations

import os
import platform
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

from vlm_profiling.doctor.base import MachineCheck, ask, missing, ok, warn
from vlm_profiling.measure.environment.requirements_lock import LockError, lock_differences, read_lock
from vlm_profiling.record.container_image import sif_identifier

FUSE = Path("/dev/fuse")
SHOWN = 5
APPTAINER_REPAIR = (
    "install Apptainer (apptainer.org/docs), load its module, or say `container: none` for the host"
)


def check_packages(locks: Sequence[Path]) -> Iterator[MachineCheck]:
    """This Python, and the packages installed in it against each lock that the study needs on the host."""
    yield ok("Python", platform.python_version())
    for lock in locks:
        try:
            differences = lock_differences(read_lock(lock))
        except (LockError, OSError) as error:
            yield missing(lock.name, f"not readable: {error}", "git checkout envs")
            continue
        if not differences:
            yield ok(lock.name, "all packages are as pinned")
            continue
        absent = any(" is missing, " in difference for difference in differences)
        more = f" and {len(differences) - SHOWN} more" if len(differences) > SHOWN else ""
        verdict = missing if absent else warn
        yield verdict(lock.name, "; ".join(differences[:SHOWN]) + more, "make clean-env env")


def check_containers(images: Sequence[str]) -> Iterator[MachineCheck]:
    """The program that runs the study's images, the images, and whether an ordinary user can mount them."""
    program = shutil.which("apptainer")
    if program is None:
        yield missing("containers", "no apptainer in PATH", APPTAINER_REPAIR)
    else:
        answers, said = ask(program, "--version")
        yield ok("containers", said) if answers else missing("containers", said, "reinstall Apptainer")
        yield _mounting()
    yield from map(_image, images)


def _image(image: str) -> MachineCheck:
    if "://" in image:
        return ok("image", f"{image}, pulled at its first use: without network, pull it on the login node")
    identifier = sif_identifier(Path(image))
    if identifier is None:
        return missing("image", f"{image} is not there, or no SIF file", "make containers")
    return ok("image", f"{image}, {Path(image).stat().st_size / 1e9:.1f} GB, {identifier}")


def _mounting() -> MachineCheck:
    if os.geteuid() == 0:
        return ok("mounting images", "as root")
    if os.access(FUSE, os.R_OK | os.W_OK):
        return ok("mounting images", "through FUSE")
    repair = f"chmod a+rw {FUSE}, by an administrator; or add --unsquash to the profile's apptainer-args"
    return warn("mounting images", f"{FUSE} cannot be used by this user", repair)
