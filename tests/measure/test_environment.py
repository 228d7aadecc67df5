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

from vlm_profiling.measure.environment import describe as environment
from vlm_profiling.measure.environment.describe import describe_environment
from vlm_profiling.measure.run import profile
from vlm_profiling.record.container_image import ContainerImage

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
    assert describe_environment("cuda", None, threads=1).absent == {
        "gpu": "no NVIDIA driver on this host (NVML is not there)"
    }


def test_no_host_user_or_path_is_told(tmp_path, monkeypatch):
    monkeypatch.setenv("APPTAINER_CONTAINER", str(tmp_path / "images" / "measure-1.2.sif"))
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    lock = tmp_path / "measure.lock"
    lock.write_text(f"numpy=={NUMPY}\n")
    facts = describe_environment("cuda", lock, threads=1)
    words = set(re.findall(r"[\w.-]+", msgspec.json.encode(facts).decode()))

    assert facts.container == "measure-1.2.sif"
    assert not words & {socket.gethostname(), getpass.getuser(), Path.home().name, "hf_secret"}
    assert not any(
        text.startswith(("/", "~")) or " /" in text for text in strings(msgspec.to_builtins(facts))
    )


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


def test_governor_clock_threads_and_nodes_are_those_of_the_usable_cores(tmp_path, monkeypatch):
    for core, governor in ((0, "schedutil"), (1, "performance"), (2, "powersave")):
        folder = tmp_path / "cpu" / f"cpu{core}" / "cpufreq"
        folder.mkdir(parents=True)
        (folder / "scaling_governor").write_text(f"{governor}\n")
        (folder / "cpuinfo_max_freq").write_text("3700000\n")
    (tmp_path / "cpu" / "smt").mkdir()
    (tmp_path / "cpu" / "smt" / "active").write_text("1\n")
    for node, cores in ((0, "0-1,8"), (1, "2-7"), (2, "")):
        (tmp_path / "node" / f"node{node}").mkdir(parents=True)
        (tmp_path / "node" / f"node{node}" / "cpulist").write_text(f"{cores}\n")
    monkeypatch.setattr(environment, "SYSTEM", tmp_path)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1, 8})
    facts = describe_environment("cpu", None, threads=1)

    assert (facts.cpu_governor, facts.cpu_max_mhz, facts.smt, facts.numa_nodes) == (
        "performance, schedutil",
        3700.0,
        True,
        1,
    )


def test_machine_that_tells_nothing_of_its_processor_leaves_it_null(tmp_path, monkeypatch):
    monkeypatch.setattr(environment, "SYSTEM", tmp_path)
    facts = describe_environment("cpu", None, threads=1)

    assert (facts.cpu_governor, facts.cpu_max_mhz, facts.smt, facts.numa_nodes) == (None, None, None, None)


def test_image_is_named_by_its_digest_or_by_the_identifier_in_its_head(tmp_path, monkeypatch):
    image, labels = tmp_path / "measure.sif", tmp_path / "labels.json"
    monkeypatch.setenv("APPTAINER_CONTAINER", str(image))
    monkeypatch.setattr(environment, "IMAGE_LABELS", labels)

    def digest() -> str | None:
        return describe_environment("cpu", None, threads=1).container_digest

    assert digest() is None
    head = b"#!/usr/bin/env run-singularity\n".ljust(32, b"\0") + b"SIF_MAGIC\0" + b"01\0" + b"02\0"
    image.write_bytes(head + bytes(16) + b"rest")
    assert digest() is None
    image.write_bytes(head + bytes(range(16)) + b"rest")
    assert digest() == "sif:00010203-0405-0607-0809-0a0b0c0d0e0f"
    image.unlink()
    labels.write_text(
        f'{{"org.label-schema.usage.singularity.deffile.from": "registry.example/x@sha256:{"a" * 64}"}}'
    )
    assert digest() == "sha256:" + "a" * 64
    pinned = ContainerImage(
        container="docker://registry.example/x@sha256:" + "b" * 64, digest="sha256:" + "b" * 64
    )
    assert describe_environment("cpu", None, threads=1, image=pinned).container_digest == pinned.digest


def test_run_on_the_host_says_that_its_study_asked_for_that():
    facts = describe_environment("cpu", None, threads=1, image=ContainerImage(container=None))
    assert facts.container is None and facts.absent["container"] == "the study says container: none"


SECRETS = {
    "HF_TOKEN": "hf_planted1",
    "HUGGING_FACE_HUB_TOKEN": "hf_planted2",
    "AWS_SECRET_ACCESS_KEY": "aws/planted3",
    "WANDB_API_KEY": "planted4",
    "https_proxy": "http://planted5:planted6@planted7.example:3128",
    "HOSTNAME": "planted8",
    "USER": "planted9",
    "SLURM_JOB_USER": "planted10",
    "SLURM_SUBMIT_HOST": "planted11",
    "SSH_CONNECTION": "planted12",
    "APPTAINER_CONTAINER": "/planted13/measure.sif",
}


def test_secrets_of_the_environment_are_nowhere_in_a_record(request_for, monkeypatch):
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    record = profile(request_for())
    text = msgspec.json.encode(record).decode()

    assert record.status == "ok" and record.environment.container == "measure.sif"
    assert "planted" not in text
    assert str(Path.home()) not in text and str(environment.PROJECT) not in text
    assert socket.gethostname() not in re.findall(r"[\w.-]+", text)


@pytest.mark.parametrize(
    ("quota", "cores"), [("150000 100000", 1), ("50000 100000", 1), ("max 100000", None)]
)
def test_quota_of_a_control_group_bounds_the_cores(tmp_path, monkeypatch, quota, cores):
    (tmp_path / "cpu.max").write_text(f"{quota}\n")
    monkeypatch.setattr(environment, "CGROUP", tmp_path)
    if not any(line.startswith("0::") for line in Path("/proc/self/cgroup").read_text().splitlines()):
        pytest.skip("this host has no control groups of version 2")

    assert describe_environment("cpu", None, threads=1).cpu_cores == (cores or len(os.sched_getaffinity(0)))
