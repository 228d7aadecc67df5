"""The stand-in NVML library, compiled once, and Python processes that find it instead of a driver."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

SOURCE = Path(__file__).with_name("fake_nvml.c")
SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"

RunWithNvml = Callable[..., Any]
"""run(code, environment, **settings): what Python `code` prints as JSON; settings of fake_nvml.c in lower
case (watts="100").
"""


def compile_fake_nvml(folder: Path) -> None:
    """Put libnvidia-ml.so.1 into a folder. Needs gcc."""
    library = folder / "libnvidia-ml.so.1"
    subprocess.run(["gcc", "-shared", "-fPIC", "-O1", "-Wall", "-o", library, SOURCE, "-lm"], check=True)


def run_with_library(folder: Path, code: str, environment: dict[str, str], **settings: object) -> Any:
    """Run Python code in a process of its own, where the library in `folder` is the driver; returns its JSON
    output.
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("CUDA_", "FAKE_NVML_"))}
    fake = {f"FAKE_NVML_{name.upper()}": str(value) for name, value in settings.items()}
    answer = subprocess.run(
        [sys.executable, "-c", code],
        env={**kept, "LD_LIBRARY_PATH": str(folder), "PYTHONPATH": str(SCRIPTS), **fake, **environment},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert answer.returncode == 0, answer.stderr
    return json.loads(answer.stdout)


def true_joules(start_s: float, end_s: float, watts: float, swing: float, swing_s: float) -> float:
    """The energy that the fake board used between two times of perf_counter: the integral of its power."""

    def since_zero(time_s: float) -> float:
        return time_s + swing * swing_s / (2 * math.pi) * (1 - math.cos(2 * math.pi * time_s / swing_s))

    return watts * (since_zero(end_s) - since_zero(start_s))
