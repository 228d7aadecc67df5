"""`make why` says what changed, old and new, without Snakemake's memory; `make prune` removes what no cell
asks for.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from small_project import STUDY, Project

from vlm_profiling.record.file_lock import hold_lock


def call(project: Project, name: str, *arguments: str, answer: str = "") -> str:
    """The output of a command of the project."""
    return project.script("vlm", name, *arguments, stdin=answer).stdout


@dataclass(frozen=True)
class Told:
    """How many cells `make why` says are to be measured, and because of what."""

    to_measure: int
    because: set[str]


def why(project: Project) -> Told:
    cells = json.loads(call(project, "why", "--json"))
    causes = {change["what"] for cell in cells for change in cell["changes"]}
    causes |= {"never measured" for cell in cells if cell["note"] == "never measured"}
    return Told(sum(cell["state"] in ("stale", "missing") for cell in cells), causes)


def change_code(project: Project) -> None:
    project.change("scripts/vlm_profiling/engines/transformers/model.py", '"num_beams": 1', '"num_beams": 2')


def change_comment(project: Project) -> None:
    project.change(
        "scripts/vlm_profiling/measure/passes/headline.py",
        '"""The passes of one run',
        '# a comment\n"""Other words',
    )
    for name in ("scripts/profile_run.py", "shapes/0.png", "shapes/samples.json"):
        os.utime(project.folder / name)


def change_version(project: Project) -> None:
    file = project.folder / "scripts/vlm_profiling/study/spec.py"
    file.write_text(
        re.sub(r"^PROTOCOL_VERSION = \d+", "PROTOCOL_VERSION = 999", file.read_text(), flags=re.MULTILINE)
    )


def change_image(project: Project) -> None:
    shutil.copy(project.folder / "shapes/1.png", project.folder / "shapes/0.png")


def change_lock(project: Project) -> None:
    lock = project.folder / "envs/measure.lock"
    lock.write_text(re.sub(r"^numpy==.*$", "numpy==1.0", lock.read_text(), flags=re.MULTILINE))


def change_setting(project: Project) -> None:
    project.configure(protocol={**STUDY["protocol"], "max_new_tokens": 3})


def swap_values(project: Project) -> None:
    project.configure(axes={}, baseline={**STUDY["baseline"], "batch_size": 1, "max_input_len": 2})


def add_and_remove_points(project: Project) -> None:
    project.configure(axes={"batch_size": {"values": [2, 4]}})


def declare_hardware(project: Project) -> None:
    project.configure(hardware="h100")


def delete_record(project: Project) -> None:
    name = next(name for name in project.records if "-b1-" in name)
    (project.folder / "results/runs" / name).unlink()


@pytest.mark.parametrize(
    ("change", "cells", "causes"),
    [
        (change_comment, 0, set()),
        (change_code, 3, {"measuring code"}),
        (change_version, 3, {"measuring code", "protocol_version"}),
        (change_setting, 3, {"protocol.max_new_tokens"}),
        (swap_values, 1, {"never measured"}),
        (add_and_remove_points, 1, {"never measured"}),
        (declare_hardware, 3, {"hardware"}),
        (change_image, 3, {"data set shapes"}),
        (change_lock, 3, {"package numpy"}),
        (delete_record, 1, {"never measured"}),
    ],
)
def test_after_each_change_the_cause_is_named_and_snakemake_measures_as_many_cells(
    project: Project, change: Callable[[Project], None], cells: int, causes: set[str]
) -> None:
    change(project)
    assert why(project) == Told(cells, causes)
    assert project.planned().get("profile_run", 0) == cells
    assert why(project) == Told(cells, causes), "a plan has touched nothing"


@pytest.fixture
def copied_project(project: Project) -> Project:
    """A finished study as it comes from another machine: no memory of Snakemake's."""
    shutil.rmtree(project.folder / ".snakemake")
    return project


def test_nothing_changed(copied_project: Project) -> None:
    assert call(copied_project, "why") == "3 runs: 3 current\n"
    assert call(copied_project, "why", "--all").count("current  tiny/shapes/") == 3


def test_without_snakemakes_memory_changes_are_told_old_and_new(copied_project: Project) -> None:
    change_setting(copied_project)
    change_code(copied_project)
    said = call(copied_project, "why")
    assert said.count("protocol.max_new_tokens: 2 -> 3") == 3
    assert said.count("(vlm_profiling/engines/transformers/model.py)") == 3
    assert "3 runs: 3 missing\n" in said
    assert "3 records that no run asks for" in said


def test_all_changed_packages_are_told_from_the_lock_kept_with_the_results(copied_project: Project) -> None:
    lock = copied_project.folder / "envs/measure.lock"
    lock.write_text(lock.read_text() + "one-more-package==1.0\n")
    assert call(copied_project, "why").count("package one-more-package: nothing -> 1.0") == 3


def test_a_lock_checked_out_anew_is_no_reason_to_measure_without_snakemakes_memory(
    copied_project: Project,
) -> None:
    lock = copied_project.folder / "envs/measure.lock"
    lock.write_text("# another comment\n" + lock.read_text())
    assert copied_project.planned() == {}


def test_changed_preparing_code_is_said_to_cost_the_runs_of_what_it_prepares(copied_project: Project) -> None:
    script = copied_project.folder / "scripts/prepare_dataset.py"
    script.write_text(script.read_text() + "\nCHANGED = True\n")
    assert "the code that prepares data set shapes changed" in call(copied_project, "why")
    assert copied_project.planned()["profile_run"] == 3
    assert "the code that prepares data set shapes changed" in call(copied_project, "why")


def test_a_truncated_record_is_malformed_and_measured_again_when_deleted(copied_project: Project) -> None:
    name, content = next(iter(copied_project.records.items()))
    (copied_project.folder / "results/runs" / name).write_bytes(content[: len(content) // 2])
    said = call(copied_project, "why")
    assert "2 current" in said and "1 malformed" in said
    assert f"malformed  {name.removesuffix('.json')}" in said
    assert "1 files are not the records of their runs" in said


def test_prune_refuses_while_a_workflow_has_the_folder(project: Project) -> None:
    project.configure(hardware="h100")
    before = project.records
    with hold_lock(project.folder / "results/.lock"):
        command = [sys.executable, "scripts/vlm.py", "prune", "--yes"]
        done = subprocess.run(command, cwd=project.folder, capture_output=True, text=True)
    assert done.returncode == 1 and "is locked by another process" in done.stderr
    assert project.records == before


def test_prune_asks_first_and_then_removes_exactly_the_orphans(project: Project) -> None:
    project.configure(axes={"optimization": STUDY["axes"]["optimization"]})
    before = project.records
    assert "Remove them? [y/N]" in call(project, "prune", answer="n\n")
    assert project.records == before
    said = call(project, "prune", answer="y\n")
    gone = before.keys() - project.records.keys()
    assert len(gone) == 1 and "-b1-" in next(iter(gone))
    assert "2 files and folders" in said
    assert "0 files and folders" in call(project, "prune")


def test_prune_removes_what_was_prepared_for_a_model_that_is_gone(project: Project) -> None:
    project.configure(models={"other": {"tiny": "blip2-opt"}})
    call(project, "prune", "--yes")
    assert project.records == {}
    assert not (project.folder / "results/checkpoints/tiny.json").exists()
    assert (project.folder / "results/datasets/shapes/manifest.json").exists()
