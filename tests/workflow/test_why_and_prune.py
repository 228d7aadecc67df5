"""`make why` says what changed, old and new, without Snakemake's memory; `make prune` removes what no cell asks for."""

from __future__ import annotations

import shutil
import subprocess
import sys

import pytest
from small_project import STUDY, Project


def call(project: Project, script: str, *arguments: str, answer: str = "") -> str:
    """What a script of the project prints."""
    command = [sys.executable, f"scripts/{script}.py", *arguments]
    return subprocess.run(command, cwd=project.folder, input=answer, capture_output=True, text=True, check=True).stdout


def why(project: Project) -> str:
    return call(project, "explain_staleness", "config.yaml")


@pytest.fixture
def copied_project(project: Project) -> Project:
    """A finished study as it comes from another machine: no memory of Snakemake's."""
    shutil.rmtree(project.folder / ".snakemake")
    return project


def test_nothing_changed(copied_project: Project) -> None:
    assert why(copied_project) == "3 cells: 3 current\n"


def test_a_changed_setting_is_told_old_and_new(copied_project: Project) -> None:
    copied_project.configure(protocol={**STUDY["protocol"], "max_new_tokens": 3})
    said = why(copied_project)
    assert said.count("protocol.max_new_tokens: 2 -> 3") == 3
    assert "3 cells: 3 missing" in said
    assert "3 records that no cell asks for" in said


def test_changed_code_is_told_by_file(copied_project: Project) -> None:
    copied_project.change("scripts/vlm_profiling/measure/passes.py", '"num_beams": 1', '"num_beams": 2')
    said = why(copied_project)
    assert "3 cells: 3 stale" in said
    assert said.count("measuring code: ") == 3
    assert said.count("(vlm_profiling/measure/passes.py)") == 3


def test_a_changed_lock_is_told_as_other_software(copied_project: Project) -> None:
    lock = copied_project.folder / "envs/measure.lock"
    lock.write_text(lock.read_text() + "one-more-package==1.0\n")
    assert why(copied_project).count("software (lock or image): ") == 3


def test_a_truncated_record_is_malformed_and_measured_again_when_deleted(copied_project: Project) -> None:
    name, content = next(iter(copied_project.records.items()))
    (copied_project.folder / "results/runs" / name).write_bytes(content[: len(content) // 2])
    said = why(copied_project)
    assert "3 cells: 2 current, 1 malformed" in said or "1 malformed, 2 current" in said
    assert f"malformed {name.removesuffix('.json')}" in said


def test_prune_asks_first_and_then_removes_exactly_the_orphans(project: Project) -> None:
    project.configure(axes={"optimization": STUDY["axes"]["optimization"]})
    before = project.records
    assert "Remove them? [y/N]" in call(project, "prune_results", "config.yaml", answer="n\n")
    assert project.records == before
    said = call(project, "prune_results", "config.yaml", answer="y\n")
    gone = before.keys() - project.records.keys()
    assert len(gone) == 1 and "-b1-" in next(iter(gone))
    assert "2 files and folders" in said
    assert "0 files and folders" in call(project, "prune_results", "config.yaml")


def test_prune_removes_what_was_prepared_for_a_model_that_is_gone(project: Project) -> None:
    project.configure(models={"other": {"tiny": "blip2-opt"}})
    call(project, "prune_results", "config.yaml", "--yes")
    assert project.records == {}
    assert not (project.folder / "results/checkpoints/tiny.json").exists()
    assert (project.folder / "results/datasets/shapes/manifest.json").exists()
