"""A small study, run to its pages once; each test that changes something gets a copy of the finished folder."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from built_once import built_once
from small_project import Project, new_project


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The study, run to its pages. Read only: tests that change something take `project`."""
    folder = built_once(tmp_path_factory, "finished", lambda folder: new_project(folder / "project").run())
    return Project(folder / "project")


@pytest.fixture
def project(finished: Project, tmp_path: Path) -> Project:
    """A copy of the finished study with its times and Snakemake's memory of it."""
    shutil.copytree(finished.folder, tmp_path / "project")
    return Project(tmp_path / "project")
