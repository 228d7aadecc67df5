"""A dry run shows what a start would do, and leaves every file as it was."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from small_project import STUDY, Project, new_project

from vlm_profiling.record.file_lock import hold_lock

REPORT = {"merge_runs": 1, "compute_roofline": 1, "audit_runs": 1, "draw_charts": 1, "write_report": 1}
FIRST = {
    "prepare_dataset": 1,
    "prepare_checkpoint": 1,
    "count_cost": 1,
    "calibrate_device": 1,
    "profile_run": 3,
}


def files(project: Project) -> dict[str, tuple[int, bytes] | None]:
    """Time and content of every file of the project, and its folders; none of Snakemake's and Python's."""
    return {
        str(path.relative_to(project.folder)): (path.stat().st_mtime_ns, path.read_bytes())
        if path.is_file()
        else None
        for path in project.folder.rglob("*")
        if not {".snakemake", "__pycache__"} & set(path.parts)
    }


@pytest.fixture
def new(tmp_path: Path) -> Project:
    return new_project(tmp_path / "new")


def test_of_a_new_study_leaves_no_file(new: Project) -> None:
    before = files(new)
    assert new.planned() == {**FIRST, **REPORT}
    assert files(new) == before


def test_of_a_changed_study_leaves_the_results_as_they_were(project: Project) -> None:
    project.configure(protocol={**STUDY["protocol"], "max_new_tokens": 3})
    project.change("scripts/vlm_profiling/engines/transformers/model.py", '"num_beams": 1', '"num_beams": 2')
    lock = project.folder / "envs/measure.lock"
    lock.write_text(lock.read_text() + "one-more-package==1.0\n")
    os.utime(project.folder / "shapes/0.png")
    before = files(project)
    plans = [project.planned(), project.planned()]
    assert plans == [{"calibrate_device": 1, "profile_run": 3, **REPORT}] * 2
    assert files(project) == before


def test_plans_what_a_real_start_does(project: Project) -> None:
    project.configure(axes={"optimization": STUDY["axes"]["optimization"]})
    planned = project.planned()
    done = project.run()
    assert planned == REPORT
    assert {rule: done.stderr.count(f"rule {rule}:") for rule in planned} == planned
    assert project.planned() == {}


def test_of_a_changed_study_is_refused_while_its_results_are_at_work(project: Project) -> None:
    with hold_lock(project.folder / "results/.lock"):
        assert project.planned() == {}
        project.configure(description="Other words.")
        before = files(project)
        refused = project.plan(check=False)
    assert refused.returncode == 1
    assert refused.stderr.splitlines()[-1].startswith("vlm-profiling: results/.lock is locked")
    assert files(project) == before
