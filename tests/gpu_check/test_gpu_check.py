"""The check of a GPU: its verdicts from tables, its wheels, and all of it on a CPU."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import polars
import pytest
import yaml
from small_project import PROJECT, new_project
from small_study import SETTINGS, answer
from study_folder import write_study

import gpu_check
from vlm_profiling.study.inputs import STANDARD_OPTIMIZATIONS

RUN = {
    "model": "m",
    "optimization": "fp16",
    "batch_size": 1,
    "status": "ok",
    "load_s": 3.0,
    "stages_unattributed_share": -0.01,
    "stages_instrumentation_overhead_mean": 1.01,
    "repeats_noise": 0.01,
    "energy_gpu_second_meter_j": 103.0,
    "energy_gpu_gross_j": 100.0,
    "energy_gpu_relative_uncertainty": 0.01,
    "optimization_compile": None,
    "checkpoint_compiled_frames": None,
}


ROOFLINE = {
    "model": "m",
    "optimization": "fp16",
    "batch_size": 1,
    "stage": "decode",
    "ceiling": "datasheet",
    "time_s": 3.0,
    "memory_floor_s": 2.0,
    "mfu": 0.5,
    "mbu": 1.1,
}


@pytest.fixture
def results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder of results."""
    monkeypatch.setattr(gpu_check, "RESULTS", tmp_path)
    return tmp_path


def write_table(results: Path, name: str, rows: list[dict[str, object]]) -> None:
    path = results / "models" / "tables" / f"{name}.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    polars.DataFrame(rows).write_parquet(path)


def test_every_column_that_is_read_is_one_of_the_tables(results: Path) -> None:
    (results / "models").mkdir()
    write_study(results / "models", SETTINGS, answer).merge()
    read = {*RUN, "failure_reason", "environment_gpu_name", "environment_cpu", "environment_packages", "key"}
    assert read | {"optimization_dtype", "dataset"} <= set(gpu_check.table("models", "runs").columns)
    assert ROOFLINE.keys() <= set(gpu_check.table("models", "roofline").columns)
    assert {"verdict", "audit", "evidence", "model"} <= set(gpu_check.table("models", "audits").columns)


def test_each_figure_is_the_worst_runs_and_holds_its_bound_or_not(results: Path) -> None:
    measured = {**ROOFLINE, "ceiling": "measured", "mfu": 0.7, "mbu": 1.3}
    write_table(results, "roofline", [ROOFLINE, measured])
    runs = polars.DataFrame(
        [RUN, {**RUN, "model": "slow", "load_s": 21.0}, {**RUN, "status": "oom", "load_s": 99.0}]
    )

    found = {verdict.figure: verdict for verdict in gpu_check.models_verdicts(runs)}
    assert {figure: verdict.holds for figure, verdict in found.items()} == {
        "end to end in no stage": True,
        "overhead of instrumented stages, in runs": True,
        "energy counter against integrated power": False,
        "uncertainty of energy": True,
        "MFU by datasheet": True,
        "MBU by datasheet": False,
        "model loaded": False,
        "noise between repeats": None,
        "decode over its bytes / measured bandwidth": None,
    }
    assert found["model loaded"].value == "at most 21.0 s, slow, fp16, batch 1"
    assert found["decode over its bytes / measured bandwidth"].value.startswith("at most 1.50, ")


def test_a_figure_that_no_run_has_holds_nothing(results: Path) -> None:
    write_table(results, "roofline", [{"stage": "decode", "ceiling": "datasheet", "mfu": None, "mbu": None}])
    missing = {name: None for name in RUN if name.startswith(("energy", "stages", "repeats"))}
    found = list(gpu_check.models_verdicts(polars.DataFrame([{**RUN, **missing}])))
    assert [verdict.figure for verdict in found if verdict.value != "no run has it"] == ["model loaded"]
    assert {verdict.holds for verdict in found if verdict.value == "no run has it"} == {None}


@pytest.mark.parametrize(("ratio", "holds"), [(1.004, True), (1.006, False)])
def test_the_headline_pass_may_cost_half_a_percent(results: Path, ratio: float, holds: bool) -> None:
    measured = {key: [1.0, 0.99, 1.01] for key in gpu_check.OVERHEAD_BOUNDS}
    measured["headline / bare"] = [ratio, ratio, ratio]
    (results / "overhead.json").write_text(json.dumps({"m": measured}))
    assert [verdict.holds for verdict in gpu_check.overhead_verdicts()] == [holds, True, True]


def test_a_cell_measured_twice_is_compared_with_the_first(results: Path) -> None:
    for name, scale in (("models", 1.0), ("again", 1.03)):
        path = results / name / "runs/m/d/cell.json"
        path.parent.mkdir(parents=True)
        figures = {
            "headline": {"generate": {"mean_s": scale}},
            "energy": {"gpu": {"per_sample_j": scale - 0.01}},
        }
        path.write_text(json.dumps(figures))
    latency, energy = gpu_check.again_verdicts()
    assert (latency.holds, latency.value) == (False, "1.0300 of the first")
    assert (energy.holds, energy.value) == (False, "1.0303 of the first")


def test_tiny_models_end_ok_or_unsupported_and_compile_a_graph() -> None:
    compiled = {
        **RUN,
        "optimization": "compile",
        "optimization_compile": True,
        "checkpoint_compiled_frames": 2,
    }
    good = polars.DataFrame([compiled, {**RUN, "optimization": "nf4", "status": "unsupported"}])
    assert [verdict.holds for verdict in gpu_check.tiny_verdicts(good)] == [True, True]
    bad = polars.DataFrame([{**compiled, "checkpoint_compiled_frames": 0}, {**RUN, "status": "oom"}])
    assert [verdict.holds for verdict in gpu_check.tiny_verdicts(bad)] == [False, False]


def test_the_studies_ask_for_six_families_and_every_optimization() -> None:
    models, tiny = (
        yaml.safe_load((PROJECT / f"profiles/gpu-check/cuda/{name}.yaml").read_text())
        for name in ("models", "tiny")
    )
    assert len({model["family"] for model in models["models"].values()}) == 5 and len(models["models"]) == 6
    values = [
        *tiny["axes"]["optimization"]["values"],
        *(point["set"]["optimization"] for point in tiny["include"]),
    ]
    assert set(values) == set(STANDARD_OPTIMIZATIONS)
    assert len(tiny["models"]) == 6


def make_wheel(folder: Path, name: str, version: str) -> None:
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as wheel:
        info = f"{name}-{version}.dist-info"
        wheel.writestr(f"{name}.py", f"VERSION = {version!r}\n")
        wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")


def test_wheels_of_what_is_there_are_not_installed(tmp_path: Path) -> None:
    make_wheel(tmp_path, "a_package_nobody_has", "1.0")
    make_wheel(tmp_path, "torch", "99.0")
    assert gpu_check.install_missing(tmp_path, tmp_path / "target") == ["a-package-nobody-has"]
    assert (tmp_path / "target" / "a_package_nobody_has.py").exists()
    assert not (tmp_path / "target" / "torch.py").exists()


def test_wheels_are_fetched_for_the_machines_python_without_torch_and_what_fits_it(tmp_path: Path) -> None:
    (tmp_path / "envs").mkdir()
    shutil.copy(PROJECT / "envs/gpu-wheels.sh", tmp_path / "envs")
    (tmp_path / "envs/measure.lock").write_text("# Pins.\nmsgspec==0.22.0\npolars==2.1.0\ntorch==2.13.0\n")
    (tmp_path / "envs/workflow.lock").write_text("msgspec==0.22.0\nsnakemake==9.27.1\n")
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/asked\n')
    python.chmod(0o755)
    subprocess.run(
        [tmp_path / "envs/gpu-wheels.sh", python, "3.11", "polars"], check=True, capture_output=True
    )
    asked = (tmp_path / "asked").read_text().splitlines()
    assert [line.split()[-1] for line in asked] == ["msgspec==0.22.0", "snakemake==9.27.1"]
    assert all("download --no-deps" in line and "--python-version 3.11" in line for line in asked)


@pytest.mark.slow
def test_the_whole_check_on_a_cpu(tmp_path: Path) -> None:
    project = new_project(tmp_path / "project")
    for name in ("tools", "benchmarks", "profiles/gpu-check"):
        shutil.copytree(PROJECT / name, project.folder / name)
    command = [sys.executable, "tools/gpu_check.py", "--device", "cpu"]
    done = subprocess.run(command, cwd=project.folder, capture_output=True, text=True)
    summary = (project.folder / "results/gpu-check/summary.md").read_text()
    assert "not finished" not in done.stdout, done.stdout + done.stderr
    assert summary.count("| ok |") == 7 and summary.count("| unsupported |") == 1
    for figure in (*gpu_check.OVERHEAD_BOUNDS, "same cell twice, latency", "model loaded", "tiny models"):
        assert f"| {figure} | " in summary
    assert (project.folder / "results/gpu-check/models/reports/index.html").exists()


def test_without_a_gpu_it_says_so(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(PROJECT / "tools/gpu_check.py")],
        env={**os.environ, "CUDA_VISIBLE_DEVICES": ""},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    assert "sees no CUDA GPU here" in done.stderr
