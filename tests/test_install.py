"""The environment is made from locks that agree with each other, and an interrupted install is made anew."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ENVS = Path(__file__).parents[1] / "envs"
NAMES = ["measure", "workflow", "dev"]
INSTALL = ENVS / "install.sh"


def lines(path: Path) -> list[str]:
    return [line for line in path.read_text().splitlines() if line and not line.startswith("#")]


def pins(name: str) -> dict[str, str]:
    """Versions by package in a lock."""
    return dict(line.split("==") for line in lines(ENVS / f"{name}.lock"))


@pytest.mark.parametrize("name", NAMES)
def test_a_lock_holds_versions_and_nothing_else(name: str) -> None:
    for line in lines(ENVS / f"{name}.lock"):
        assert re.fullmatch(r"[a-z0-9][a-z0-9.-]*==[0-9][A-Za-z0-9.]*", line)


@pytest.mark.parametrize("name", NAMES)
def test_a_lock_has_what_its_list_asks_for(name: str) -> None:
    locked = pins(name)
    for requirement in map(Requirement, lines(ENVS / f"{name}.in")):
        assert requirement.specifier.contains(locked[canonicalize_name(requirement.name)])


def test_the_locks_agree_since_one_environment_holds_them_all() -> None:
    versions: dict[str, set[str]] = {}
    for name in NAMES:
        for package, version in pins(name).items():
            versions.setdefault(package, set()).add(version)
    assert {package: found for package, found in versions.items() if len(found) > 1} == {}


@pytest.mark.parametrize("name", NAMES)
def test_a_lock_is_closed_over_what_its_packages_need(name: str) -> None:
    """nvidia-* packages are left to torch's own build; pip is the one that came with Python."""
    locked = pins(name)
    for package in locked:
        for text in metadata.requires(package) or []:
            requirement = Requirement(text)
            needed = requirement.marker is None or requirement.marker.evaluate({"extra": ""})
            dependency = canonicalize_name(requirement.name)
            if needed and dependency != "pip" and not dependency.startswith(("nvidia-", "cuda-", "triton")):
                assert requirement.specifier.contains(locked[dependency]), f"{package} needs {text}"


@pytest.fixture
def empty_lock(tmp_path: Path) -> Path:
    path = tmp_path / "nothing.lock"
    path.write_text("# nothing\n")
    return path


def install(venv: Path, purpose: str, lock: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHON": sys.executable, **variables}
    return subprocess.run(
        [INSTALL, venv, purpose, lock], env=environment, capture_output=True, text=True, check=False
    )


def test_an_environment_that_an_interrupted_install_left_is_made_anew(
    tmp_path: Path, empty_lock: Path
) -> None:
    venv = tmp_path / "venv"
    (venv / "bin").mkdir(parents=True)
    (venv / "left over").touch()
    assert install(venv, "run", empty_lock).returncode == 0
    assert not (venv / "left over").exists()
    assert [path.name for path in venv.glob(".ready-*")] == [".ready-run"]

    (venv / "kept").touch()
    assert install(venv, "dev", empty_lock).returncode == 0
    assert (venv / "kept").exists()
    assert sorted(path.name for path in venv.glob(".ready-*")) == [".ready-dev", ".ready-run"]

    assert install(venv, "dev", tmp_path / "absent.lock").returncode != 0
    assert not list(venv.glob(".ready-*"))


def test_what_is_installed_is_compiled_but_what_is_of_another_python(
    tmp_path: Path, empty_lock: Path
) -> None:
    venv = tmp_path / "venv"
    assert install(venv, "run", empty_lock).returncode == 0
    (packages,) = venv.glob("lib/python3.*/site-packages")
    (packages / "installed.py").write_text("x = 1\n")
    (packages / "older.py").write_text("print 'x'\n")
    again = install(venv, "run", empty_lock)
    assert (again.returncode, again.stderr) == (0, "")
    assert {path.name.split(".")[0] for path in packages.glob("__pycache__/*.pyc")} >= {"installed"}
    assert not list(packages.glob("__pycache__/older.*"))


@pytest.mark.parametrize("python", ["/bin/false", "no-such-python"])
def test_a_machine_without_a_new_python_is_told_what_to_install(
    tmp_path: Path, empty_lock: Path, python: str
) -> None:
    refused = install(tmp_path / "venv", "run", empty_lock, PYTHON=python)
    assert refused.returncode == 2
    assert "No Python 3.11 or newer with venv found." in refused.stderr
    assert not (tmp_path / "venv").exists()
