"""The house keeps its rules: who may import whom, what a script is, what no file may hold.

Docstrings, formatting and types are the linters' affair.
"""

from __future__ import annotations

import ast
import json
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
    "record": {"study"},
    "metrics": {"record"},
    "datasets": {"study", "record"},
    "models": {"study", "record"},
    "cost": {"study", "record", "models"},
    "quality": {"study", "record", "statistics"},
    "statistics": {"record"},
    "engines": {"study", "record", "models", "cost"},
    "measure": {
        "large_imports",
        "staleness",
        "study",
        "record",
        "datasets",
        "engines",
        "models",
        "cost",
        "quality",
        "statistics",
    },
    "audits": {"study", "record", "cost", "quality", "statistics", "tables"},
    "outputs": {"study", "report", "tables"},
    "tables": {"study", "record", "metrics", "cost", "quality", "statistics", "staleness"},
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
    "input_files": {"workflow", "containers", "staleness", "study", "record"},
    "resources": {"study", "record"},
    "recovery": {"workflow", "record", "tables"},
    "containers": {"study", "record"},
    "cli": {
        *("doctor", "errors", "large_imports", "recovery", "workflow", "study", "record", "cost"),
        *("audits", "tables", "staleness", "report"),
    },
    "doctor": {"containers", "workflow", "study", "record", "measure"},
    "large_imports": set(),
    "errors": set(),
}
"""Rooms of the library, and the other rooms each may import; errors is open to all."""

MODELS_FROM_THE_COMMAND_LINE = "measure/standalone.py"
"""The one file of measure/ that imports models: it describes a checkpoint before an engine loads it."""

HEAVY = {"torch", "transformers"}
COUNTING = {"counting", "cross_checks", "allocations", "live_bytes"}
"""Files and folders of cost/ that count on torch models. All others evaluate functions and are light."""
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


def room_of(path: Path) -> str:
    return path.relative_to(LIBRARY).parts[0].removesuffix(".py")


def library_files() -> list[Path]:
    return [
        path for path in sorted(LIBRARY.rglob("*.py")) if path.parent != LIBRARY or path.name != "__init__.py"
    ]


def imports(path: Path) -> Iterator[str]:
    """The module of every import in a file, also those inside functions."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def test_a_room_imports_only_the_rooms_it_may() -> None:
    refused = [
        f"{path.relative_to(LIBRARY)} imports {other}"
        for path in library_files()
        for other in other_rooms(path)
        if other not in MAY_IMPORT[room_of(path)]
    ]
    assert refused == []


def test_only_an_engine_knows_what_runs_a_model() -> None:
    """measure/ reaches no model past engines/base.py; only its order of passes knows the engines."""
    known = {
        (str(path.relative_to(LIBRARY)), module)
        for path in library_files()
        if room_of(path) == "measure"
        for module in imports(path)
    }
    assert {file for file, module in known if module.startswith("vlm_profiling.models")} <= {
        MODELS_FROM_THE_COMMAND_LINE
    }
    engines = {
        (file, module.split(".")[2]) for file, module in known if module.startswith("vlm_profiling.engines")
    }
    assert {file for file, part in engines if part != "base"} == {"measure/run.py"}
    assert {part for _, part in engines} == {"base", "registry"}


def test_transformers_is_known_where_models_are_built_counted_and_run_by_it() -> None:
    importing = {
        str(path.relative_to(LIBRARY))
        for path in library_files()
        for module in imports(path)
        if module.partition(".")[0] == "transformers"
    }
    allowed = ("models/", "cost/", "engines/transformers/")
    assert {path for path in importing if not path.startswith(allowed)} == set()


def other_rooms(path: Path) -> Iterator[str]:
    """Every other room that a file imports."""
    for module in imports(path):
        top, _, rest = module.partition(".")
        room = rest.partition(".")[0]
        if top == "vlm_profiling" and room not in (room_of(path), "errors"):
            yield room


def test_nothing_below_the_rules_knows_snakemake() -> None:
    importing = [
        path.relative_to(SCRIPTS)
        for path in [*PROGRAMS, *library_files()]
        if any(module.partition(".")[0] == "snakemake" for module in imports(path))
    ]
    assert importing == []


def test_the_rooms_that_all_share_need_few_packages() -> None:
    allowed = {"study": {"msgspec", "pydantic", "pydantic_core", "yaml"}, "record": {"msgspec"}}
    for room, packages in allowed.items():
        files = [path for path in library_files() if room_of(path) == room]
        outside = {module.partition(".")[0] for path in files for module in imports(path)}
        assert outside - sys.stdlib_module_names - {"vlm_profiling"} <= packages


def test_importing_the_light_rooms_loads_neither_torch_nor_transformers_nor_snakemake() -> None:
    modules = [
        ".".join(path.relative_to(SCRIPTS).with_suffix("").parts).removesuffix(".__init__")
        for path in library_files()
        if room_of(path) in LIGHT_ROOMS
        or (room_of(path) == "cost" and not COUNTING & {*path.parts, path.stem})
    ]
    code = f"import sys, {', '.join(modules)}; print(sorted({HEAVY | {'snakemake'}} & set(sys.modules)))"
    assert python(code).strip() == "[]"


def test_a_script_can_be_started_by_its_name() -> None:
    for script in PROGRAMS:
        assert os.access(script, os.X_OK), script
        assert script.read_text(encoding="utf-8").startswith("#!/usr/bin/env python3\n"), script


def test_the_help_of_every_script_loads_neither_torch_nor_transformers() -> None:
    printed = python(ALL_HELP, *map(str, PROGRAMS), *sorted(HEAVY))
    shown = json.loads(printed)
    assert sorted(shown) == [str(script) for script in PROGRAMS]
    for script, (text, loaded) in shown.items():
        assert text.startswith("usage: "), script
        assert loaded == [], script


ALL_HELP = """
import contextlib, io, json, runpy, sys

shown = {}
for script in (argument for argument in sys.argv[1:] if argument.endswith(".py")):
    text = io.StringIO()
    command, sys.argv = sys.argv, [script, "--help"]
    with contextlib.redirect_stdout(text), contextlib.suppress(SystemExit):
        runpy.run_path(script, run_name="__main__")
    sys.argv = command
    shown[script] = text.getvalue(), [name for name in sys.argv if name in sys.modules]
print(json.dumps(shown))
"""


def test_merging_loads_no_scipy() -> None:
    """Each process of a merge imports the script anew, and scipy alone takes longer than all else that it
    needs.
    """
    code = "import sys, merge_runs; print(sorted({'scipy', 'jiwer'} & set(sys.modules)))"
    assert python(code).strip() == "[]"


def python(code: str, *arguments: str) -> str:
    """What code prints in a process of its own that finds the scripts and the library."""
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        env={**os.environ, "PYTHONPATH": str(SCRIPTS)},
        capture_output=True,
        text=True,
        check=True,
    ).stdout


def test_no_script_hides_a_standard_module() -> None:
    assert not {script.stem for script in PROGRAMS} & sys.stdlib_module_names


in_git = pytest.mark.skipif(
    shutil.which("git") is None or not (PROJECT / ".git").exists(), reason="needs git and its repository"
)


@in_git
def test_what_the_commands_make_is_not_for_the_repository() -> None:
    made = [
        ".venv",
        "containers/cuda.sif",
        "gpu-wheels/one.whl",
        "logs/slurm/job.log",
        "results/runs/one.json",
    ]
    ignored = subprocess.run(["git", "check-ignore", *made], cwd=PROJECT, capture_output=True, text=True)
    assert ignored.stdout.splitlines() == made


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
