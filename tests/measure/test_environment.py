"""What a record tells about the machine, and what it never tells."""

from __future__ import annotations

import getpass
import hashlib
import os
import re
import socket
from importlib import metadata
from pathlib import Path

import msgspec
import pytest

from vlm_profiling.measure import environment
from vlm_profiling.measure.environment import describe_environment

NUMPY = metadata.version("numpy")


def test_facts_that_can_move_a_number_are_there():
    facts = describe_environment("cpu", None, threads=2)

    assert facts.python.count(".") == 2
    assert facts.packages["numpy"] == NUMPY
    assert "torch" in facts.packages
    assert 1 <= facts.cpu_cores <= (os.cpu_count() or 1)
    assert facts.threads == 2
    assert facts.memory_bytes > 2**30
    assert facts.gpu is None
    assert facts.absent == {}


def test_run_on_a_gpu_without_a_driver_says_why_its_gpu_is_not_described():
    assert describe_environment("cuda", None, threads=1).absent == {"gpu": "no NVIDIA driver on this host (NVML is not there)"}


def test_no_host_user_or_path_is_told(tmp_path, monkeypatch):
    monkeypatch.setenv("APPTAINER_CONTAINER", str(tmp_path / "images" / "measure-1.2.sif"))
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    lock = tmp_path / "measure.lock"
    lock.write_text(f"numpy=={NUMPY}\n")
    facts = describe_environment("cuda", lock, threads=1)
    words = set(re.findall(r"[\w.-]+", msgspec.json.encode(facts).decode()))

    assert facts.container == "measure-1.2.sif"
    assert not words & {socket.gethostname(), getpass.getuser(), Path.home().name, "hf_secret"}
    assert not any(text.startswith(("/", "~")) or " /" in text for text in strings(msgspec.to_builtins(facts)))


def strings(value: object) -> list[str]:
    if isinstance(value, dict):
        return [text for pair in value.items() for part in pair for text in strings(part)]
    if isinstance(value, list):
        return [text for part in value for text in strings(part)]
    return [value] if isinstance(value, str) else []


def test_lock_is_named_by_its_hash_and_compared(tmp_path):
    lock = tmp_path / "measure.lock"
    lock.write_text("numpy==1.0\n")
    facts = describe_environment("cpu", lock, threads=1)

    assert facts.lock_sha256 == hashlib.sha256(b"numpy==1.0").hexdigest()
    assert f"numpy {NUMPY}, lock 1.0" in facts.lock_differences
    assert f"torch {metadata.version('torch')}, not in the lock" in facts.lock_differences


def test_commit_of_the_project_is_told_with_its_state():
    facts = describe_environment("cpu", None, threads=1)

    assert facts.git_commit is None or re.fullmatch("[0-9a-f]{40}", facts.git_commit)
    assert (facts.git_dirty is None) == (facts.git_commit is None)


def test_project_outside_git_or_without_it_has_no_commit(tmp_path, monkeypatch):
    monkeypatch.setattr(environment, "PROJECT", tmp_path)
    assert describe_environment("cpu", None, threads=1).git_commit is None

    monkeypatch.setenv("PATH", str(tmp_path))
    facts = describe_environment("cpu", None, threads=1)
    assert facts.git_commit is None
    assert facts.git_dirty is None


@pytest.mark.parametrize(("quota", "cores"), [("150000 100000", 1), ("50000 100000", 1), ("max 100000", None)])
def test_quota_of_a_control_group_bounds_the_cores(tmp_path, monkeypatch, quota, cores):
    (tmp_path / "cpu.max").write_text(f"{quota}\n")
    monkeypatch.setattr(environment, "CGROUP", tmp_path)
    if not any(line.startswith("0::") for line in Path("/proc/self/cgroup").read_text().splitlines()):
        pytest.skip("this host has no control groups of version 2")

    assert describe_environment("cpu", None, threads=1).cpu_cores == (cores or len(os.sched_getaffinity(0)))
