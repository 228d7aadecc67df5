"""A small study, run to its pages once; each test that changes something gets a copy of the finished folder."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from small_project import Project


@pytest.fixture
def project(finished: Project, tmp_path: Path) -> Project:
    """A copy of the finished study with its times and Snakemake's memory of it."""
    shutil.copytree(finished.folder, tmp_path / "project")
    return Project(tmp_path / "project")
