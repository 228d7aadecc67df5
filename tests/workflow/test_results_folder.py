"""Where a study may write: never what its text makes of a shell, never the folder of another study."""

from __future__ import annotations

import pytest
from small_project import Project


@pytest.mark.parametrize(
    "results", ["results/a$(touch INJECTED)", "results/a;touch INJECTED", "results/{x}", "scripts", "."]
)
def test_a_results_folder_that_is_no_plain_path_is_refused_before_anything_is_written(
    project: Project, results: str
) -> None:
    before = {
        path.relative_to(project.folder)
        for path in project.folder.rglob("*")
        if ".snakemake" not in path.parts
    }
    project.configure(results=results)
    refused = project.plan(check=False)
    assert refused.returncode != 0
    assert f"results = {results!r}" in refused.stdout + refused.stderr
    after = {
        path.relative_to(project.folder)
        for path in project.folder.rglob("*")
        if ".snakemake" not in path.parts
    }
    assert {path for path in after - before if "__pycache__" not in path.parts} == set()


def test_a_study_of_another_name_does_not_take_over_a_results_folder(project: Project) -> None:
    description = (project.folder / "results/study.json").read_bytes()
    project.configure(name="other")
    refused = project.plan(check=False)
    assert refused.returncode != 0
    assert "holds the results of the study 'small', this one is 'other'" in refused.stdout + refused.stderr
    assert (project.folder / "results/study.json").read_bytes() == description
