"""The CPU image, built from the project's own recipe on a small local base: no registry is asked."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from one_at_a_time import one_at_a_time
from small_project import PROJECT, Project, new_project

BASE_PACKAGES = "python3,python3-pip,libstdc++6"
"""What the pinned base of the CPU image has too: Python 3.11 with pip, and the C++ library."""
STORE = Path(tempfile.gettempdir(), "vlm-profiling-images")
"""Images by the hash of what they are made from: a second test run builds nothing."""
APPTAINER = {"APPTAINER_DROP_CAPS": "CAP_SYS_RESOURCE"} if os.geteuid() == 0 else {}
"""Root of a virtual machine may lack this capability, which a build as root would ask for."""


def why_not() -> str | None:
    """Why no image can be built here; None when one can."""
    missing = [name for name in ("apptainer", "mmdebstrap") if shutil.which(name) is None]
    if missing:
        return f"no {', '.join(missing)}: `make test-system` installs them"
    return None if os.geteuid() == 0 else "a root folder as base needs root"


def cpu_image() -> Path:
    """The CPU image, built where there is none of this recipe and this lock."""
    recipe = b"".join(
        path.read_bytes() for path in sorted((PROJECT / "containers").iterdir()) if path.is_file()
    )
    key = hashlib.sha256(
        recipe + (PROJECT / "envs/cpu.lock").read_bytes() + BASE_PACKAGES.encode()
    ).hexdigest()[:12]
    image = STORE / key / "containers" / "cpu.sif"
    with one_at_a_time("vlm-profiling-image"):
        if not image.exists():
            build_cpu_image(STORE / key)
    return image


def build_cpu_image(output: Path) -> None:
    """Build containers/cpu.sif below a folder from the recipe, on a small base and wheels fetched by the
    lock's hashes.
    """
    with tempfile.TemporaryDirectory() as folder:
        base, wheels = Path(folder, "base"), Path(folder, "wheels")
        make_base(base)
        download = [
            sys.executable,
            "-m",
            "pip",
            "download",
            "--quiet",
            "--no-deps",
            "--require-hashes",
            "--dest",
            str(wheels),
        ]
        subprocess.run([*download, "--requirement", str(PROJECT / "envs/cpu.lock")], check=True)
        build = [
            sys.executable,
            str(PROJECT / "containers/build.py"),
            "build",
            "cpu",
            "--output",
            str(output),
        ]
        subprocess.run(
            [*build, "--base", str(base), "--wheels", str(wheels)],
            check=True,
            env={**os.environ, **APPTAINER},
        )


def make_base(folder: Path) -> None:
    """A Debian root of a few packages, from the mirror that this machine's apt uses."""
    listed = ["apt-get", "indextargets", "--format", "$(REPO_URI) $(RELEASE)", "Created-By: Packages"]
    mirror = subprocess.run(listed, capture_output=True, text=True, check=True).stdout.split()[0]
    trim = [f"--dpkgopt=path-exclude=/usr/share/{name}/*" for name in ("doc", "man", "locale")]
    source = f"deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] {mirror} bookworm main"
    command = [
        "mmdebstrap",
        "--quiet",
        "--variant=essential",
        f"--include={BASE_PACKAGES}",
        *trim,
        "bookworm",
        str(folder),
        source,
    ]
    subprocess.run(command, check=True)


def contained_project(folder: Path, image: Path, **changes: object) -> Project:
    """The small project with its study in the image, all steps of it."""
    project = new_project(folder)
    for name in ("workstation", "slurm-h100"):
        shutil.copytree(PROJECT / "profiles" / name, folder / "profiles" / name)
    (folder / "containers").mkdir()
    os.link(image, folder / "containers" / "cpu.sif")
    shutil.copy2(PROJECT / "containers/images.yaml", folder / "containers")
    project.configure(container="containers/cpu.sif", cpu_container="containers/cpu.sif", **changes)
    return project
