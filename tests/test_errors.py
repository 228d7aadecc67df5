"""Every expected error has one base, and every script ends with it in the same way."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parents[1] / "scripts"
LIBRARY = SCRIPTS / "vlm_profiling"

SCRIPT = """
import sys, time
from vlm_profiling.errors import VlmError, main

def run(options):
    if options.what == "expected":
        raise VlmError("models.llava = 3; allowed: a section")
    if options.what == "disk":
        raise PermissionError(13, "Permission denied", "results/study.json")
    if options.what == "fault":
        raise KeyError("fault")
    if options.what == "pipe":
        print("line\\n" * 100_000)
    if options.what == "interrupt":
        raise KeyboardInterrupt
    return 3 if options.what == "status" else None

main(run, lambda parser: parser.add_argument("what"), "What the script does.")
"""


def script(what: str, **options: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", SCRIPT, what]
    environment = {"PYTHONPATH": str(SCRIPTS)}
    return subprocess.run(command, capture_output=True, text=True, env=environment, **options)


def raised_classes() -> dict[str, list[str]]:
    """The bases of every class of the library that is an exception by its name or by its bases."""
    found: dict[str, list[str]] = {}
    for path in LIBRARY.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef):
                found[node.name] = [base.id for base in node.bases if isinstance(base, ast.Name)]
    return found


def test_every_exception_of_the_library_derives_from_one_base() -> None:
    bases = raised_classes()

    def is_error(name: str) -> bool:
        return name.endswith(("Error", "Exception")) or any(map(is_error, bases.get(name, [])))

    def is_ours(name: str) -> bool:
        return name == "VlmError" or any(map(is_ours, bases.get(name, [])))

    errors = {name for name in bases if is_error(name)}
    assert {"ConfigError", "RecordError", "Unsupported"} <= errors
    assert {name for name in errors if not is_ours(name)} == set()


@pytest.mark.parametrize(
    ("what", "status", "message"),
    [
        ("nothing", 0, ""),
        ("status", 3, ""),
        ("expected", 1, "vlm-profiling: models.llava = 3; allowed: a section\n"),
        ("disk", 1, "vlm-profiling: [Errno 13] Permission denied: 'results/study.json'\n"),
        ("interrupt", 130, "vlm-profiling: interrupted\n"),
    ],
)
def test_a_script_ends_with_a_status_and_one_message(what: str, status: int, message: str) -> None:
    done = script(what)
    assert (done.returncode, done.stderr) == (status, message)


def test_a_fault_of_the_program_keeps_its_traceback() -> None:
    done = script("fault")
    assert done.returncode == 1 and "Traceback" in done.stderr and "KeyError: 'fault'" in done.stderr


def test_a_reader_that_ends_early_is_no_error() -> None:
    command = f"{sys.executable} -c '{SCRIPT}' pipe | head -n 1"
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command],
        capture_output=True,
        text=True,
        env={"PYTHONPATH": str(SCRIPTS), "PATH": "/usr/bin:/bin"},
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "line\n", "")
