"""A build that fails ends with Apptainer's words and the project's, and leaves no image and no lock."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from small_project import PROJECT


@pytest.mark.parametrize(
    ("apptainer", "status", "told"),
    [
        (
            "echo 'FATAL: no such host' >&2; exit 255",
            255,
            "containers/cpu.sif was not built: apptainer's words are above",
        ),
        (None, 2, "no apptainer in PATH: `make doctor` says how to get it"),
    ],
)
def test_a_failed_build_is_told_without_a_traceback(
    apptainer: str | None, status: int, told: str, tmp_path: Path
) -> None:
    if apptainer is not None:
        (tmp_path / "apptainer").write_text(f"#!/bin/sh\n{apptainer}\n")
        (tmp_path / "apptainer").chmod(0o755)
    build = [
        sys.executable,
        str(PROJECT / "containers/build.py"),
        "build",
        "cpu",
        "--output",
        str(tmp_path / "made"),
    ]
    done = subprocess.run(build, env={"PATH": str(tmp_path)}, capture_output=True, text=True)
    assert done.returncode == status
    assert done.stderr.endswith(f"build.py: {told}\n") and "Traceback" not in done.stderr
    assert [path for path in (tmp_path / "made").rglob("*") if path.is_file()] == []
