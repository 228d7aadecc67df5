"""A loopback SLURM cluster for the session, and projects whose study runs on it; skipped with the reason
where there is none.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import local_image
import loopback
import pytest
from one_at_a_time import one_at_a_time
from small_project import PROJECT, STUDY, Project, new_project


@pytest.fixture(scope="session")
def cluster() -> Iterator[None]:
    """Two nodes that claim two H100s each."""
    reason = loopback.why_not()
    if reason is not None:
        pytest.skip(reason)
    with one_at_a_time("vlm-cluster"):
        loopback.up()
        try:
            yield
        finally:
            loopback.down()


def with_slurm_profile(project: Project) -> Project:
    """The project, with the profile for a cluster too."""
    shutil.copytree(PROJECT / "profiles/slurm-h100", project.folder / "profiles/slurm-h100")
    return project


@pytest.fixture
def cluster_project(cluster: None, tmp_path: Path) -> Project:
    """The small study on the host of the nodes, without containers."""
    return with_slurm_profile(new_project(tmp_path / "project"))


@pytest.fixture
def prepared_cluster_project(cluster: None, project: Project) -> Project:
    """The small study, finished without SLURM."""
    return with_slurm_profile(project)


@pytest.fixture(scope="session")
def undisturbed(cluster: None, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The small study with runs of some seconds, measured without SLURM. Read only."""
    project = with_slurm_profile(new_project(tmp_path_factory.mktemp("undisturbed") / "project"))
    project.configure(
        protocol={
            **STUDY["protocol"],
            "stages": False,
            "repeats": {"max_s": 8, "max_share": 1000, "min_rounds": 2},
        }
    )
    project.run()
    return project


@pytest.fixture
def two_to_do(undisturbed: Project, tmp_path: Path) -> Project:
    """A copy of that study in which two cells are not measured yet."""
    shutil.copytree(undisturbed.folder, tmp_path / "project")
    project = Project(tmp_path / "project")
    for name in project.records:
        if "fp32" in name:
            (project.folder / "results/runs" / name).unlink()
    return project


@pytest.fixture
def contained_cluster_project(cluster: None, tmp_path: Path) -> Project:
    """The small study with all its steps in the CPU image; without containers where Apptainer is missing."""
    if local_image.why_not() is not None:
        return with_slurm_profile(new_project(tmp_path / "project"))
    return local_image.contained_project(tmp_path / "project", local_image.cpu_image())
