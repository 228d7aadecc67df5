"""A study finished inside a container, once; skipped with the reason where no container can be made."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import local_image
import pytest
from built_once import built_once
from small_project import Project

IN_CONTAINERS = ("--profile", "profiles/workstation")


@pytest.fixture(scope="session")
def image() -> Path:
    reason = local_image.why_not()
    if reason is not None:
        pytest.skip(reason)
    return local_image.cpu_image()


@pytest.fixture(scope="session")
def contained(image: Path, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A study run to its pages in the image. Read only."""

    def run(folder: Path) -> None:
        local_image.contained_project(folder / "project", image).run(*IN_CONTAINERS)

    return Project(built_once(tmp_path_factory, "contained", run) / "project")


@pytest.fixture
def copied(contained: Project, tmp_path: Path) -> Project:
    """A copy of the finished study; its image is another name of the same file."""

    def link_image(source: str, target: str) -> object:
        return os.link(source, target) if source.endswith(".sif") else shutil.copy2(source, target)

    shutil.copytree(contained.folder, tmp_path / "project", copy_function=link_image)
    return Project(tmp_path / "project")


@pytest.fixture
def ordinary_user(tmp_path: Path) -> str:
    """A user without rights, who may enter this test's folder."""
    for folder in (
        tmp_path,
        *tmp_path.parents[:3],
    ):  # the last may be the machine's own /tmp, whose other rights stay
        folder.chmod(folder.stat().st_mode | 0o055)
    return "nobody"
