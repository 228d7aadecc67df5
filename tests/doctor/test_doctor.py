"""What a machine lacks for a study is found, weighed by the needs of the study, with how to repair it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterable
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
import yaml
from fakes.nvml import RunWithNvml
from fakes.powercap import FakePowercap
from small_project import PROJECT, STUDY

from vlm_profiling.doctor import host
from vlm_profiling.doctor.base import MachineCheck
from vlm_profiling.doctor.cluster import ask_partitions, check_slurm
from vlm_profiling.doctor.examine import examine
from vlm_profiling.doctor.gpus import check_gpus, is_of_kind
from vlm_profiling.doctor.host import check_cpu_energy, check_hub, check_load, check_results
from vlm_profiling.doctor.software import check_containers, check_packages
from vlm_profiling.study import study_from_mapping
from vlm_profiling.workflow import open_workflow

REVISION = "0" * 40
HUB_STUDY = {**STUDY, "models": {"llava": {"hub": "llava-hf/llava-1.5-7b-hf", "revision": REVISION}}}
GPUS = """
import json, sys
from vlm_profiling.doctor.gpus import check_gpus
settings = {{"needed": 1, "hardware": None, "memory_gib": None, "on_cluster": False, **{settings}}}
json.dump(list(check_gpus(**settings)), sys.stdout)
"""


def verdicts(checks: Iterable[MachineCheck]) -> list[tuple[str, str]]:
    return [(check.verdict, check.name) for check in checks]


def gpus(
    run_with_nvml: RunWithNvml, settings: dict[str, Any] | None = None, **fake: object
) -> list[MachineCheck]:
    return [
        MachineCheck(*fields) for fields in run_with_nvml(GPUS.format(settings=settings or {}), {}, **fake)
    ]


def test_good_gpu_is_named_with_its_memory_driver_and_meter(run_with_nvml: RunWithNvml) -> None:
    facts, meter = gpus(run_with_nvml)
    assert facts == ("ok", "GPU 0", "Fake board 0, 80.0 GiB, driver 999.1", "")
    assert meter.verdict == "ok" and meter.found.startswith("its energy counter is renewed every ")
    assert int(meter.found.split()[-2]) in range(15, 40)


@pytest.mark.parametrize(
    ("settings", "fake", "found"),
    [
        ({"hardware": "h100"}, {}, "is no h100, which the study declares as its hardware"),
        ({"memory_gib": 94.0}, {}, "has less memory than device_memory_gib: 94.0"),
        ({}, {"limit_w": 450}, "its power is capped at 450 W; by default it may draw 700 W"),
        ({}, {"process": "other"}, "other processes compute on it: 1"),
        (
            {},
            {"mig": 1},
            "no energy: MIG is on: NVML gives the joules of the whole board, other instances included",
        ),
        (
            {},
            {"missing": "energy"},
            "no energy counter: joules come from power samples alone, and are less certain",
        ),
        (
            {},
            {"missing": "energy,instant,usage"},
            "no energy: NVML offers neither energy nor power of this GPU",
        ),
    ],
)
def test_what_spoils_a_figure_is_a_warning(
    run_with_nvml: RunWithNvml, settings: dict[str, Any], fake: dict[str, Any], found: str
) -> None:
    warnings = [check.found for check in gpus(run_with_nvml, settings, **fake) if check.verdict != "ok"]
    assert warnings == [found]


def test_each_of_several_gpus_is_checked(run_with_nvml: RunWithNvml) -> None:
    assert {check.name for check in gpus(run_with_nvml, watts="100,200,300")} == {"GPU 0", "GPU 1", "GPU 2"}


@pytest.mark.parametrize(("on_cluster", "verdict"), [(False, "missing"), (True, "warn")])
def test_fewer_gpus_than_a_model_is_laid_on_are_told(
    run_with_nvml: RunWithNvml, on_cluster: bool, verdict: str
) -> None:
    settings = {"needed": 3, "on_cluster": on_cluster}
    first, *_ = gpus(run_with_nvml, settings, watts="100,200")
    assert (first.verdict, first.name, first.found) == (
        verdict,
        "GPUs",
        "2 here, and a model of the study asks for gpus: 3",
    )
    assert {check.name for check in gpus(run_with_nvml, settings, watts="100,200,300")} == {
        "GPU 0",
        "GPU 1",
        "GPU 2",
    }


def test_lost_gpu_is_missing_with_what_nvml_says(run_with_nvml: RunWithNvml) -> None:
    [check] = gpus(run_with_nvml, lost_s=-1)
    assert (check.verdict, check.found) == ("missing", "NVML says: GPU is lost")


@pytest.mark.skipif(Path("/proc/driver/nvidia").exists(), reason="this machine has an NVIDIA driver")
@pytest.mark.parametrize(
    ("needed", "on_cluster", "verdict"), [(1, False, "missing"), (1, True, "warn"), (0, False, "-")]
)
def test_no_driver_weighs_as_much_as_the_study_needs_one(
    needed: int, on_cluster: bool, verdict: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SLURM_JOB_ID", raising=False)
    [check] = check_gpus(needed=needed, hardware=None, memory_gib=None, on_cluster=on_cluster)
    assert check.verdict == verdict and "no NVIDIA driver on this host" in check.found


@pytest.mark.skipif(Path("/proc/driver/nvidia").exists(), reason="this machine has an NVIDIA driver")
def test_a_compute_node_without_a_driver_is_not_sent_to_a_compute_node(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SLURM_JOB_ID", "7")
    [check] = check_gpus(needed=1, hardware=None, memory_gib=None, on_cluster=True)
    assert (
        check.verdict == "missing"
        and check.found.endswith(", a compute node")
        and "srun" not in str(check.repair)
    )


@pytest.mark.parametrize(
    ("name", "hardware", "same"),
    [
        ("NVIDIA H100 80GB HBM3", "h100", True),
        ("NVIDIA H100 80GB HBM3", "lab-H100_80GB", True),
        ("NVIDIA GeForce RTX 4090", "rtx4090", True),
        ("NVIDIA H100 80GB HBM3", "workstation", True),
        ("NVIDIA A100-SXM4-80GB", "a10", False),
        ("NVIDIA H200", "h100", False),
    ],
)
def test_declared_hardware_is_known_by_the_gpus_name(name: str, hardware: str, same: bool) -> None:
    assert is_of_kind(name, hardware) is same


def test_slurm_is_told_with_its_partitions(stand_in: Callable[..., None]) -> None:
    assert verdicts(check_slurm(ask_partitions(), "h100")) == [("-", "SLURM")]

    stand_in("sinfo", "gpu* 2 nodes gpu:h100:4")
    stand_in("squeue", "")
    assert list(check_slurm(ask_partitions(), "h100")) == [
        MachineCheck("ok", "SLURM", "gpu* 2 nodes gpu:h100:4")
    ]
    [_, other] = check_slurm(ask_partitions(), "a100")
    assert (other.verdict, other.found) == ("warn", "no partition offers a GPU called a100")

    stand_in("squeue", "slurm_load_jobs error: Unable to contact slurm controller", status=1)
    assert verdicts(check_slurm(ask_partitions(), "h100")) == [("ok", "SLURM"), ("warn", "SLURM")]

    stand_in("sinfo", "slurm_load_partitions: Unable to contact slurm controller (connect failure)", status=1)
    [check] = check_slurm(ask_partitions(), "h100")
    assert check.verdict == "warn" and "Unable to contact slurm controller" in check.found and check.repair


def test_containers_need_apptainer_and_the_images(stand_in: Callable[..., None], tmp_path: Path) -> None:
    image = tmp_path / "cpu.sif"
    checks = list(check_containers([str(image)]))
    assert [(check.verdict, check.name) for check in checks] == [
        ("missing", "containers"),
        ("missing", "image"),
    ]
    assert all(check.repair for check in checks)

    stand_in("apptainer", "apptainer version 1.4.5")
    image.write_bytes(b"#!run\n".ljust(32, b"\0") + b"SIF_MAGIC\0" + b"01\0" + b"02\0" + bytes(range(16)))
    checks = {
        check.name: check for check in check_containers([str(image), f"docker://x/y@sha256:{'a' * 64}"])
    }
    assert checks["containers"].found == "apptainer version 1.4.5"
    assert {check.verdict for name, check in checks.items() if name != "mounting images"} == {"ok"}


def test_packages_are_compared_with_each_lock(tmp_path: Path) -> None:
    good, other, absent = (tmp_path / f"{name}.lock" for name in ("good", "other", "absent"))
    good.write_text(f"numpy=={metadata.version('numpy')}\n")
    other.write_text("numpy==1.0\n")
    absent.write_text("no-such-package==1.0\n")
    checks = list(check_packages([good, other, absent, tmp_path / "none.lock"]))
    assert [check.verdict for check in checks] == ["ok", "ok", "warn", "missing", "missing"]
    assert (
        checks[3].found == "no-such-package is missing, lock 1.0" and checks[3].repair == "make clean-env env"
    )


def test_hub_cache_matters_where_models_come_from_a_hub(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    assert verdicts(check_hub(study_from_mapping(STUDY))) == [("-", "HF_HOME")]

    study = study_from_mapping(HUB_STUDY)
    home, models = check_hub(study)
    assert home == ("ok", "HF_HOME", str(tmp_path), "")
    assert models.name == "1 hub models to fetch" and "some 20 GB needed" in models.found

    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    _, models = check_hub(study)
    assert (models.verdict, models.found) == ("missing", "not in the cache, and HF_HUB_OFFLINE is set: llava")

    (tmp_path / "hub/models--llava-hf--llava-1.5-7b-hf/snapshots" / REVISION).mkdir(parents=True)
    assert verdicts(check_hub(study)) == [("ok", "HF_HOME"), ("ok", "hub models")]

    monkeypatch.delenv("HF_HOME")
    assert next(iter(check_hub(study))).verdict == "warn"


def test_full_disk_and_foreign_folder_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert check_results(tmp_path / "results").verdict == "ok"
    monkeypatch.setattr(host, "RESULTS_BYTES", 1e18)
    assert check_results(tmp_path / "results").verdict == "warn"
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert check_results(tmp_path / "results").verdict == "missing"


def test_rapl_is_read_and_its_lack_warns_where_runs_use_the_cpu(tmp_path: Path) -> None:
    assert [check_cpu_energy(needed=needed, powercap=tmp_path).verdict for needed in (True, False)] == [
        "warn",
        "-",
    ]
    FakePowercap(tmp_path)
    check = check_cpu_energy(needed=True, powercap=tmp_path)
    assert (check.verdict, check.found) == ("ok", "RAPL of package-0, package-0 dram, package-1")


def test_unreadable_rapl_is_told_with_the_command_that_mends_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    FakePowercap(tmp_path)
    read_text = Path.read_text

    def refuse(path: Path, *arguments: Any) -> str:
        if path.name == "energy_uj":
            raise PermissionError
        return read_text(path, *arguments)

    monkeypatch.setattr(Path, "read_text", refuse)
    check = check_cpu_energy(needed=True, powercap=tmp_path)
    assert (check.verdict, check.found) == ("warn", "RAPL is there, but only root may read it")
    assert "chmod a+r" in check.repair


def test_work_of_others_on_the_cores_is_told_by_its_share() -> None:
    spinning = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in os.sched_getaffinity(0)]
    try:
        check = check_load()
    finally:
        for process in spinning:
            process.kill()
            process.wait()
    assert check.verdict == "warn" and int(check.found.partition("%")[0]) > 50


def test_whole_examination_names_every_part_and_fails_only_for_what_the_study_needs(tmp_path: Path) -> None:
    file = tmp_path / "study.yaml"
    file.write_text(yaml.safe_dump({**STUDY, "results": "results/doctor"}))
    names = {check.name for check in examine(open_workflow([file], PROJECT))}
    assert {
        "Python",
        "workflow.lock",
        "measure.lock",
        "SLURM",
        "results",
        "HF_HOME",
        "CPU energy",
        "CPU load",
    } <= names
    assert "containers" not in names

    def doctor(**changes: object) -> subprocess.CompletedProcess[str]:
        file.write_text(yaml.safe_dump({**STUDY, **changes}))
        command = [sys.executable, str(PROJECT / "scripts/vlm.py"), "doctor", str(file)]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)

    assert doctor().returncode == 0
    contained = doctor(container="containers/none.sif", cpu_container="containers/none.sif")
    assert contained.returncode == 3
    assert (
        "missing  image                 containers/none.sif is not there, or no SIF file\n"
        in contained.stdout
    )
    assert "-> make containers\n" in contained.stdout
    assert "measure.lock" not in contained.stdout
    assert doctor(grid="triangle").returncode == 1
