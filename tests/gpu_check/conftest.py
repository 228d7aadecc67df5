"""What tests of the check share: a process that finds NVIDIA boards."""

from __future__ import annotations

import functools
import shutil

import pytest
from fakes.nvml import RunWithNvml, compile_fake_nvml, run_with_library


@pytest.fixture(scope="session")
def run_with_boards(tmp_path_factory: pytest.TempPathFactory) -> RunWithNvml:
    if shutil.which("gcc") is None:
        pytest.skip("gcc is missing: the stand-in NVML library cannot be built")
    folder = tmp_path_factory.mktemp("boards")
    compile_fake_nvml(folder)
    return functools.partial(run_with_library, folder)
