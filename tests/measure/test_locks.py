"""The lock of an environment against what is installed."""

from __future__ import annotations

from importlib import metadata

import pytest

from vlm_profiling.measure.environment import requirements_lock as locks
from vlm_profiling.measure.environment.requirements_lock import LockError, lock_differences, read_lock

LOCK = """\
# exact versions
--index-url https://packages.invalid/simple
numpy==2.4.6 \\
    --hash=sha256:00 \\
    --hash=sha256:11
torch==2.13.0+cpu  # the CPU build
Huggingface_Hub[cli]==2.4.0 ; python_version >= "3.8"
pywin32==306 ; sys_platform == "win32"
"""


def test_pins_of_this_platform_are_read(tmp_path):
    lock = tmp_path / "measure.lock"
    lock.write_text(LOCK)

    assert read_lock(lock) == {"numpy": "2.4.6", "torch": "2.13.0+cpu", "huggingface-hub": "2.4.0"}


@pytest.mark.parametrize(
    "line", ["numpy>=2", "numpy", "numpy==2.*", "numpy @ https://packages.invalid/numpy.whl"]
)
def test_line_that_pins_no_version_is_named(tmp_path, line):
    lock = tmp_path / "measure.lock"
    lock.write_text(f"jiwer==4.0.0\n{line}\n")

    with pytest.raises(LockError, match=r"measure\.lock: 'numpy.*does not pin one version"):
        read_lock(lock)


def test_line_that_is_no_requirement_is_named(tmp_path):
    lock = tmp_path / "measure.lock"
    lock.write_text("<<<<<<< HEAD\n")

    with pytest.raises(LockError, match="is no requirement"):
        read_lock(lock)


@pytest.fixture
def installed(monkeypatch):
    """An environment with three packages."""
    versions = {"torch": "2.13.0+cpu", "numpy": "2.4.0", "flash-attn": "2.8.1"}

    def version(name: str) -> str:
        if name not in versions:
            raise metadata.PackageNotFoundError(name)
        return versions[name]

    monkeypatch.setattr(locks.metadata, "version", version)


def test_same_version_of_another_build_does_not_differ(installed):
    assert lock_differences({"torch": "2.13.0+cu130"}) == []
    assert lock_differences({"torch": "2.13"}) == []


def test_other_missing_and_unlocked_packages_are_named(installed):
    pinned = {"torch": "2.12.0", "numpy": "2.4.0", "jiwer": "4.0.0"}

    assert lock_differences(pinned, unpinned=("flash-attn", "torch", "triton")) == [
        "jiwer is missing, lock 4.0.0",
        "torch 2.13.0+cpu, lock 2.12.0",
        "flash-attn 2.8.1, not in the lock",
    ]
