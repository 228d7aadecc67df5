"""What a bare GPU machine lacks, brought along as wheels. Its torch, transformers and whatever else it has
stay as they are.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Collection
from importlib import metadata
from pathlib import Path

from vlm_profiling.errors import VlmError

STACK = frozenset(
    (
        "torch",
        "transformers",
        "tokenizers",
        "huggingface-hub",
        "hf-xet",
        "safetensors",
        "numpy",
        "triton",
        "setuptools",
    )
)
"""Come with torch and transformers, and fit them: never brought along."""
PLATFORMS = (
    "manylinux_2_28_x86_64",
    "manylinux_2_24_x86_64",
    "manylinux_2_17_x86_64",
    "manylinux2014_x86_64",
)


class WheelError(VlmError):
    """Wheels cannot be fetched or installed; the message says what pip said."""


def fetch_wheels(
    lock: Path, output: Path, *, python_version: str, without: Collection[str] = ()
) -> list[str]:
    """Download the lock's pins as wheels for Linux on x86-64, less the stack and `without`; returns what they
    are.

    Raises WheelError when one of them has no such wheel.
    """
    from vlm_profiling.measure.environment.requirements_lock import read_lock

    pins = [
        f"{name}=={version}"
        for name, version in read_lock(lock).items()
        if name not in STACK and name not in without
    ]
    platforms = [option for platform in PLATFORMS for option in ("--platform", platform)]
    output.mkdir(parents=True, exist_ok=True)
    for pin in pins:
        try:
            wanted = ("--only-binary=:all:", "--python-version", python_version, *platforms)
            _pip("download", "--no-deps", *wanted, "--dest", str(output), pin)
        except WheelError:
            _build_pure(pin, output)
    return pins


def _build_pure(pin: str, output: Path) -> None:
    """Build the wheel of a package that is published as source alone. Raises WheelError unless it is of
    Python alone.
    """
    with tempfile.TemporaryDirectory() as folder:
        _pip("wheel", "--no-deps", "--wheel-dir", folder, pin)
        (built,) = Path(folder).glob("*.whl")
        if not built.name.endswith("-none-any.whl"):
            raise WheelError(f"{pin} has no wheel for that machine")
        shutil.copy2(built, output)


def install_missing(wheels: Path, target: Path) -> list[str]:
    """Install those wheels into `target` whose package this Python lacks; returns their names. Nothing is
    replaced.

    A folder instead of a virtual environment: one made from another would not see the other's torch.
    Raises WheelError when the folder holds no wheel for this Python.
    """
    names = sorted({path.name.split("-")[0].replace("_", "-").lower() for path in wheels.glob("*.whl")})
    if not names:
        raise WheelError(f"{wheels} holds no wheels; `make gpu-wheels` fetches them")
    missing = [name for name in names if not _installed(name)]
    if missing:
        _pip(
            "install",
            "--no-index",
            "--no-deps",
            "--find-links",
            str(wheels),
            "--target",
            str(target),
            *missing,
        )
    return missing


def _installed(name: str) -> bool:
    try:
        metadata.version(name)
    except metadata.PackageNotFoundError:
        return False
    return True


def _pip(*arguments: str) -> None:
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", *arguments]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise WheelError(f"pip {arguments[0]}: {done.stderr.strip()[-2000:]}")
