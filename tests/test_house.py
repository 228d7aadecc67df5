"""The house keeps its rules: who may import whom, what a script is, what no file may hold.

Docstrings, formatting and types are the linters' affair.
"""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[1]
SCRIPTS = PROJECT / "scripts"
LIBRARY = SCRIPTS / "vlm_profiling"
PROGRAMS = sorted(SCRIPTS.glob("*.py"))

MAY_IMPORT = {
    "study": set(),
    "record": set(),
    "metrics": {"record", "study", "report", "tables"},
    "datasets": {"study", "record"},
    "models": {"study", "record"},
    "cost": {"study", "record", "models"},
    "quality": {"study", "record", "statistics"},
    "statistics": {"record"},
    "measure": {
        "large_imports",
        "staleness",
        "study",
        "record",
        "datasets",
        "models",
        "cost",
        "quality",
        "statistics",
    },
    "audits": {"study", "record", "cost", "quality", "statistics"},
    "outputs": {"study", "report"},
    "tables": {"outputs", "study", "record", "metrics", "cost", "quality", "statistics", "staleness"},
    "staleness": {
        "containers",
        "workflow",
        "study",
        "record",
        "metrics",
        "datasets",
        "models",
        "measure",
        "tables",
    },
    "report": {
        "outputs",
        "study",
        "record",
        "metrics",
        "cost",
        "quality",
        "statistics",
        "tables",
        "staleness",
    },
    "workflow": {"containers", "staleness", "study", "record"},
    "repair": {"workflow", "record", "tables"},
    "gpu_check": {
        *(
            "large_imports",
            "study",
            "record",
            "datasets",
            "models",
            "cost",
            "measure",
            "audits",
            "report",
            "workflow",
        ),
        *("outputs", "tables", "metrics", "staleness"),
    },
    "containers": {"study", "record"},
    "doctor": {"containers", "workflow", "study", "record", "measure"},
    "large_imports": set(),
    "errors": set(),
}
"""Rooms of the library, and the other rooms each may import; errors is open to all."""

ONLY_WHERE_NEEDED = {("cost", "models")}
"""Imports that stand inside functions, so that importing the first room's other files stays light."""

HEAVY = {"torch", "transformers"}
LIGHT_ROOMS = [
    "study",
    "record",
    "quality",
    "statistics",
    "audits",
    "tables",
    "report",
    "workflow",
    "containers",
]
NO_SNAKEMAKE = "nothing below the rules knows Snakemake"


def room_of(path: Path) -> str:
    return path.relative_to(LIBRARY).parts[0].removesuffix(".py")


def library_files() -> list[Path]:
    return [
        path for path in sorted(LIBRARY.rglob("*.py")) if path.parent != LIBRARY or path.name != "__init__.py"
    ]


def imports(path: Path) -> Iterator[tuple[str, bool]]:
    """(module, whether it is imported together with the file) for every import in a file."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    late = {id(inner) for node in ast.walk(tree) if _delays(node) for inner in ast.walk(node)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, id(node) not in late) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            yield from ((f"{node.module}.{alias.name}", id(node) not in late) for alias in node.names)


def _delays(node: ast.AST) -> bool:
    """Whether what stands inside is not run by an import: a function, or a block for type checkers."""
    if isinstance(node, ast.If):
        return isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
    return isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)


@pytest.mark.parametrize("path", library_files(), ids=lambda path: str(path.relative_to(LIBRARY)))
def test_a_room_imports_only_the_rooms_it_may(path: Path) -> None:
    room = room_of(path)
    for module, at_once in imports(path):
        top, _, rest = module.partition(".")
        assert top != "snakemake", NO_SNAKEMAKE
        other = rest.partition(".")[0]
        if top == "vlm_profiling" and other not in (room, "errors"):
            assert other in MAY_IMPORT[room], f"{room} may not import {other}"
            assert not (at_once and (room, other) in ONLY_WHERE_NEEDED), (
                f"{room} imports {other} inside functions only"
            )


@pytest.mark.parametrize("script", PROGRAMS, ids=lambda path: path.name)
def test_a_script_knows_no_snakemake(script: Path) -> None:
    assert not [module for module, _ in imports(script) if module.startswith("snakemake")], NO_SNAKEMAKE


@pytest.mark.parametrize("room", ["study", "record"])
def test_the_rooms_that_all_share_need_few_packages(room: str) -> None:
    outside = {
        module.partition(".")[0]
        for path in library_files()
        if room_of(path) == room
        for module, _ in imports(path)
    }
    allowed = {"study": {"pydantic", "pydantic_core", "yaml"}, "record": {"msgspec"}}
    assert outside - sys.stdlib_module_names - {"vlm_profiling"} <= allowed[room]


def test_importing_the_light_rooms_loads_neither_torch_nor_transformers_nor_snakemake() -> None:
    modules = [
        ".".join(path.relative_to(SCRIPTS).with_suffix("").parts).removesuffix(".__init__")
        for path in library_files()
        if room_of(path) in LIGHT_ROOMS
    ]
    code = f"import sys, {', '.join(modules)}; print(sorted({HEAVY | {'snakemake'}} & set(sys.modules)))"
    printed = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(SCRIPTS)},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert printed.strip() == "[]"


@pytest.mark.parametrize("script", PROGRAMS, ids=lambda path: path.name)
def test_a_script_can_be_started_by_its_name(script: Path) -> None:
    assert os.access(script, os.X_OK)
    assert script.read_text(encoding="utf-8").startswith("#!/usr/bin/env python3\n")


@pytest.mark.parametrize("script", PROGRAMS, ids=lambda path: path.name)
def test_help_comes_at_once_and_loads_neither_torch_nor_transformers(script: Path) -> None:
    started = os.times()
    shown = subprocess.run(
        [sys.executable, "-X", "importtime", script, "--help"], capture_output=True, text=True, check=True
    )
    ended = os.times()
    assert shown.stdout.startswith("usage: ")
    loaded = {
        line.rpartition("|")[2].strip()
        for line in shown.stderr.splitlines()
        if line.startswith("import time:")
    }
    assert not HEAVY & loaded
    assert ended.children_user - started.children_user + ended.children_system - started.children_system < 2


def test_merging_loads_no_scipy() -> None:
    """Each process of a merge imports the script anew, and scipy alone takes longer than all else that it
    needs.
    """
    code = "import sys, merge_runs; print(sorted({'scipy', 'jiwer'} & set(sys.modules)))"
    environment = {**os.environ, "PYTHONPATH": str(SCRIPTS)}
    printed = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    ).stdout
    assert printed.strip() == "[]"


def test_no_script_hides_a_standard_module() -> None:
    assert not {script.stem for script in PROGRAMS} & sys.stdlib_module_names


in_git = pytest.mark.skipif(
    shutil.which("git") is None or not (PROJECT / ".git").exists(), reason="needs git and its repository"
)


@in_git
@pytest.mark.parametrize(
    "made",
    [".venv", "containers/cuda.sif", "gpu-wheels/one.whl", "logs/slurm/job.log", "results/runs/one.json"],
)
def test_what_the_commands_make_is_not_for_the_repository(made: str) -> None:
    assert subprocess.run(["git", "check-ignore", "--quiet", made], cwd=PROJECT).returncode == 0


@in_git
def test_no_file_names_a_place_of_one_machine() -> None:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=PROJECT,
        capture_output=True,
        check=True,
    ).stdout
    place = re.compile(rb"(?<![\w.>})-])/(work|root|home|Users|opt/wheels|opt/pypi)/")
    paths = [PROJECT / os.fsdecode(name) for name in listed.split(b"\0") if name]
    assert [str(path) for path in paths if path.is_file() and place.search(path.read_bytes())] == []
