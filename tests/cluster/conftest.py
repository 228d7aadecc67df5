"""A loopback SLURM cluster for the session, and projects whose study runs on it; skipped with the reason where there is none."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import local_image
import loopback
import pytest
from small_project import PROJECT, Project, new_project


@pytest.fixture(scope="session")
def cluster() -> Iterator[None]:
    """Two nodes that claim two H100s each."""
    reason = loopback.why_not()
    if reason is not None:
        pytest.skip(reason)
    loopback.up()
    yield
    loopback.down()


@pytest.fixture
def cluster_project(cluster: None, tmp_path: Path) -> Project:
    """The small study on the host of the nodes, without containers."""
    project = new_project(tmp_path / "project")
    shutil.copytree(PROJECT / "profiles/slurm-h100", project.folder / "profiles/slurm-h100")
    return project


@pytest.fixture
def contained_cluster_project(cluster: None, tmp_path: Path) -> Project:
    """The small study with all its steps in the CPU image; without containers where Apptainer is missing."""
    if local_image.why_not() is not None:
        project = new_project(tmp_path / "project")
        shutil.copytree(PROJECT / "profiles/slurm-h100", project.folder / "profiles/slurm-h100")
        return project
    return local_image.contained_project(tmp_path / "project", local_image.cpu_image())
