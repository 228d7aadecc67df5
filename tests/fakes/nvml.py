"""The stand-in NVML library, compiled once, and Python processes that find it instead of a driver."""

from __future__ import annotations

import json
import math
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

from warm_python import WarmPython

TESTS = Path(__file__).resolve().parents[1]
SCRIPTS = TESTS.parent / "scripts"
SOURCE = Path(__file__).with_name("fake_nvml.c")
METERS = "vlm_profiling.measure.meters"

RunWithNvml = Callable[..., Any]
"""run(code, environment, **settings): what Python `code` prints as JSON; settings of fake_nvml.c in lower
case (watts="100"). The process lives in a simulated time unless `real_time` is set.
"""


def compile_fake_nvml(folder: Path) -> None:
    """Put libnvidia-ml.so.1 into a folder. Needs gcc."""
    library = folder / "libnvidia-ml.so.1"
    subprocess.run(["gcc", "-shared", "-fPIC", "-O1", "-Wall", "-o", library, SOURCE, "-lm"], check=True)


def python_with_library(folder: Path) -> WarmPython:
    """Processes for which the library in `folder` is the driver."""
    path = os.pathsep.join((str(SCRIPTS), str(TESTS)))
    modules = (f"{METERS}.energy", f"{METERS}.telemetry", f"{METERS}.peak_memory", "fakes.simulated_time")
    return WarmPython(modules, {"LD_LIBRARY_PATH": str(folder), "PYTHONPATH": path})


def run_with_library(
    python: WarmPython, code: str, environment: dict[str, str], *, real_time: bool = False, **settings: object
) -> Any:
    """The JSON that Python code prints in a process of its own."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("CUDA_", "FAKE_NVML_"))}
    fake = {f"FAKE_NVML_{name.upper()}": str(value) for name, value in settings.items()}
    simulate = "" if real_time else "from fakes.simulated_time import simulate_time; simulate_time()\n"
    answer = python.run(simulate + code, environment={**kept, **fake, **environment})
    assert answer.returncode == 0, answer.stderr
    return json.loads(answer.stdout)


def true_joules(start_s: float, end_s: float, watts: float, swing: float, swing_s: float) -> float:
    """The energy that the fake board used between two times of perf_counter: the integral of its power."""

    def since_zero(time_s: float) -> float:
        return time_s + swing * swing_s / (2 * math.pi) * (1 - math.cos(2 * math.pi * time_s / swing_s))

    return watts * (since_zero(end_s) - since_zero(start_s))
