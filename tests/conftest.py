"""What all tests share."""

import functools
import gc
import os
import shutil
from pathlib import Path

import pytest
from built_once import built_once
from fakes.nvml import RunWithNvml, compile_fake_nvml, python_with_library, run_with_library
from small_project import Project, new_project

# Tiny models run fastest on one thread, and threads that wait for each other on a busy machine run slowest.
# Set before torch is imported; the processes that tests start inherit it.
os.environ.setdefault("OMP_NUM_THREADS", "1")


FURTHER_ARCHITECTURES = {"blip2-opt", "instructblip-t5", "fuyu", "qwen2_5_vl"}
"""Of the tests that measure every architecture, `make test` keeps llava, a decoder, and blip2-t5, an encoder
with a decoder; `make test-release` runs these.
"""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that measure a further architecture as slow."""
    for item in items:
        given = getattr(item, "callspec", None)
        measuring = item.path.parent.name == "measure"
        if given and measuring and FURTHER_ARCHITECTURES & {str(value) for value in given.params.values()}:
            item.add_marker(pytest.mark.slow)


def pytest_collection_finish() -> None:
    """Have the garbage collector pass over libraries and tests from now on: they stay, and each look at them
    takes a second.
    """
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def run_with_nvml(tmp_path_factory: pytest.TempPathFactory) -> RunWithNvml:
    if shutil.which("gcc") is None:
        pytest.skip("gcc is missing: the stand-in NVML library cannot be built")
    folder = tmp_path_factory.mktemp("nvml")
    compile_fake_nvml(folder)
    return functools.partial(run_with_library, python_with_library(folder))


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
