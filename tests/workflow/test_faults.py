"""What goes wrong in a study: damaged files, no memory, a clock that jumps. It is named, and a plain start
finishes.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import polars
import pytest
from small_project import PROJECT, Project
from undisturbed import differences

FAKES = PROJECT / "tests/fakes"


def truncate(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:400])


def empty(file: Path) -> None:
    file.write_bytes(b"")


def of_another_cell(file: Path) -> None:
    """A record edited by hand: what it was asked is not what its place says."""
    record = json.loads(file.read_text())
    file.write_text(json.dumps({**record, "key": "0" * 10}))


@pytest.mark.soak
@pytest.mark.parametrize(
    ("damage", "state"),
    [
        (truncate, "malformed"),
        (empty, "malformed"),
        (of_another_cell, "foreign"),
    ],
)
def test_what_is_no_record_is_named_set_aside_and_measured_by_the_next_start(
    damage: Callable[[Path], None], state: str, finished: Project, project: Project
) -> None:
    name = next(name for name in project.records if "-b1-" in name)
    damaged = project.folder / "results/runs" / name
    damage(damaged)
    content = damaged.read_bytes()
    others = {other: record for other, record in project.records.items() if other != name}
    said = project.run().stderr
    assert f"{name} was set aside as {damaged.name}.set-aside" in said and "start again to measure it" in said
    assert damaged.with_name(f"{damaged.name}.set-aside").read_bytes() == content
    assert (
        polars.read_parquet(project.folder / "results/tables/runs.parquet")["status"].to_list().count(state)
        == 1
    )
    project.run()
    assert others.items() <= project.records.items()
    assert differences(project.folder / "results", finished.folder / "results") == []
    assert project.planned() == {}


@pytest.mark.soak
@pytest.mark.parametrize("damaged", ["image", "samples"])
def test_a_data_set_damaged_since_it_was_prepared_is_prepared_again_and_no_finished_run_is(
    damaged: str, finished: Project, project: Project
) -> None:
    dataset = project.folder / "results/datasets/shapes"
    file = next((dataset / "images").iterdir()) if damaged == "image" else dataset / "samples.jsonl"
    file.write_bytes(file.read_bytes()[:-9])
    name = next(name for name in project.records if "-b1-" in name)
    (project.folder / "results/runs" / name).unlink()
    kept = project.records
    target = f"results/runs/{name}"
    assert project.run(target, check=False).returncode != 0
    log = project.log_of(name)
    assert f"{file.relative_to(project.folder)}: " in log and "changed since the data set was prepared" in log
    assert "the next start of the workflow does" in log and "Traceback" not in log
    project.run()
    assert kept.items() <= project.records.items()
    assert differences(project.folder / "results", finished.folder / "results") == []
    assert project.planned() == {}


@pytest.mark.soak
def test_a_host_without_memory_makes_a_typed_cell(project: Project) -> None:
    """2.7 billion parameters where a process may have 4 GB, as under a limit of ulimit's."""
    project.configure(models={"big": {"architecture": "blip2-opt-2.7b"}}, axes={})
    project.run("--until", "count_cost", "calibrate_device")
    limited = partial(resource.setrlimit, resource.RLIMIT_AS, (4_000_000 * 1024,) * 2)
    project.run("--until", "profile_run", preexec=limited)
    (record,) = (json.loads(content) for name, content in project.records.items() if name.startswith("big/"))
    assert (record["status"], record["failure"]["stage"]) == ("oom", "load")
    assert "can't allocate memory" in record["failure"]["reason"]
    project.run()
    assert polars.read_parquet(project.folder / "results/tables/runs.parquet")["status"].to_list() == ["oom"]


@pytest.mark.soak
def test_a_device_without_memory_makes_a_typed_cell_and_the_smaller_batch_its_figures(
    finished: Project, project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy2(FAKES / "small_memory.py", tmp_path / "sitecustomize.py")
    shutil.rmtree(project.folder / "results/runs")
    with monkeypatch.context() as patch:
        patch.setenv("PYTHONPATH", str(tmp_path))
        patch.setenv("SMALL_MEMORY_BYTES", "200000")
        project.run()
    records = {name: json.loads(content) for name, content in project.records.items()}
    assert {
        record["point"]["batch_size"]: record["status"]
        for record in records.values()
        if "flash" not in record["spec"]
    } == {
        1: "ok",
        2: "oom",
    }
    (name,) = (name for name, record in records.items() if record["status"] == "oom")
    assert records[name]["failure"]["exception"] == "torch.OutOfMemoryError"
    assert "Tried to allocate 262144 bytes" in records[name]["failure"]["reason"]
    assert project.planned() == {}
    (project.folder / "results/runs" / name).unlink()
    project.run()
    beneath_the_stand_in = [
        "runs.checkpoint_attention_kernels"
    ]  # of the smaller batch, whose operations went through Python
    assert differences(project.folder / "results", finished.folder / "results") == beneath_the_stand_in


@pytest.fixture(scope="session")
def jumping_clock(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if shutil.which("gcc") is None:
        pytest.skip("gcc is missing: the clock that jumps cannot be built")
    library = tmp_path_factory.mktemp("clock") / "jumping_clock.so"
    subprocess.run(
        ["gcc", "-shared", "-fPIC", "-O1", "-o", library, FAKES / "jumping_clock.c", "-ldl"], check=True
    )
    return library


@pytest.mark.soak
@pytest.mark.parametrize("jump_s", [-86_400, 86_400], ids=["a day back", "a day on"])
def test_a_wall_clock_that_jumps_moves_no_duration_and_makes_nothing_stale(
    jump_s: int, jumping_clock: Path, finished: Project, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.rmtree(project.folder / "results/runs")
    started = time.monotonic()
    with monkeypatch.context() as patch:
        patch.setenv("LD_PRELOAD", str(jumping_clock))
        patch.setenv("CLOCK_JUMP_S", str(jump_s))
        patch.setenv("CLOCK_JUMP_AFTER_S", "2")  # in every process, Snakemake's and each job's
        project.run()
        assert "Nothing to be done" in project.run("-n").stdout
    elapsed_s = time.monotonic() - started
    for record in map(json.loads, project.records.values()):
        assert 0 < record["duration_s"] < elapsed_s
        for batch in record.get("batches", []):
            assert all(0 <= batch[name] < record["duration_s"] for name in batch if name.endswith("_s"))
    assert project.planned() == {}
    assert differences(project.folder / "results", finished.folder / "results") == []


@pytest.mark.soak
def test_files_from_the_future_and_the_past_make_nothing_stale(project: Project) -> None:
    """As a clock set back leaves them, or a copy from another machine."""

    day_s = 86_400
    for number, path in enumerate(sorted((project.folder / "results").rglob("*.json*"))):
        moment = time.time() + day_s * (1 if number % 2 else -1)
        os.utime(path, (moment, moment))
    assert project.planned().get("profile_run", 0) == 0


@pytest.mark.soak
def test_a_study_that_lost_its_pages_and_tables_makes_them_again_and_measures_nothing(
    finished: Project, project: Project
) -> None:
    before = project.records
    for name in ("tables", "plots", "reports"):
        shutil.rmtree(project.folder / "results" / name)
    project.run()
    assert project.records == before
    assert differences(project.folder / "results", finished.folder / "results") == []
