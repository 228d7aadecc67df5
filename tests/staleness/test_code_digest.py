"""The code digest moves with the code that can move a number, and with nothing else."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import pytest

from vlm_profiling.staleness.code_digest import DigestError, code_digest, digest_json

Edit = Callable[[str, str, str], tuple[str, str]]

SCRIPTS = Path(__file__).parents[2] / "scripts"

FILES = {
    "scripts/measure.py": """
        #!/usr/bin/env python3
        import json
        from toolbox.clock import lap

        print(json.dumps(lap()))
        """,
    "scripts/toolbox/__init__.py": '"""The package."""\n',
    "scripts/toolbox/clock.py": '''
        """Laps."""
        import time

        WINDOW_S = 10


        def lap(repeats=3):
            """Mean of some laps."""
            from . import numbers  # late: most callers never need it

            return numbers.mean([time.perf_counter() for _ in range(repeats)])
        ''',
    "scripts/toolbox/numbers.py": """
        from toolbox import clock


        def mean(values):
            return sum(values) / len(values) * clock.WINDOW_S
        """,
    "scripts/toolbox/unused.py": "def nothing(): return 1\n",
    "scripts/toolbox/inner/__init__.py": "",
    "scripts/toolbox/inner/deep.py": "DEPTH = 1\n",
}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(text).lstrip())
    return tmp_path


def digest(project: Path) -> str:
    return code_digest(project / "scripts/measure.py", project / "scripts/toolbox")["sha256"]


def run_python(code: str, *arguments: Path) -> str:
    """What a fresh process prints."""
    environment = {**os.environ, "PYTHONPATH": str(SCRIPTS), "PYTHONHASHSEED": "7"}
    run = subprocess.run(
        [sys.executable, "-c", code, *arguments], env=environment, capture_output=True, text=True, check=True
    )
    return run.stdout.strip()


@pytest.fixture
def edit(project: Path) -> Edit:
    """Replaces text in a file of the toolbox; gives the digests before and after."""

    def replace(name: str, old: str, new: str) -> tuple[str, str]:
        path, before = project / "scripts/toolbox" / name, digest(project)
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))
        return before, digest(project)

    return replace


def test_the_files_are_the_script_and_what_it_imports(project: Path) -> None:
    files = code_digest(project / "scripts/measure.py", project / "scripts/toolbox")["files"]
    assert list(files) == ["measure.py", "toolbox/__init__.py", "toolbox/clock.py", "toolbox/numbers.py"]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("  # late: most callers never need it", "  # imported late"),
        ('"""Laps."""', '"""Laps of a clock,\n\nclosed by a synchronise."""'),
        ('    """Mean of some laps."""\n', ""),
        ("WINDOW_S = 10\n", 'WINDOW_S = 10\n"""Seconds a lap takes."""\n'),
        ("WINDOW_S = 10\n", "WINDOW_S    =   10\n\n\n\n"),
        ("range(repeats)]", "range(\n        repeats,\n    )\n    ]"),
        ("return numbers.mean([", "return (numbers).mean(["),
    ],
    ids=[
        "comment",
        "docstring",
        "docstring gone",
        "attribute docstring",
        "blank lines",
        "line breaks",
        "parentheses",
    ],
)
def test_what_cannot_move_a_number_changes_nothing(edit: Edit, old: str, new: str) -> None:
    before, after = edit("clock.py", old, new)
    assert after == before


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("clock.py", "WINDOW_S = 10", "WINDOW_S = 11"),
        ("clock.py", "repeats=3", "repeats=4"),
        ("clock.py", "import time", "import time\nimport math"),
        ("clock.py", "perf_counter", "monotonic"),
        ("numbers.py", "sum(values) /", "sum(values) //"),
        ("numbers.py", "from toolbox import clock", "import toolbox.inner.deep\nfrom toolbox import clock"),
    ],
    ids=["constant", "default", "new import", "other function", "operator", "new library import"],
)
def test_what_can_move_a_number_changes_the_digest(edit: Edit, file: str, old: str, new: str) -> None:
    before, after = edit(file, old, new)
    assert after != before


def test_a_renamed_function_changes_the_digest(project: Path) -> None:
    before = digest(project)
    for name in ("clock.py", "numbers.py"):
        path = project / "scripts/toolbox" / name
        path.write_text(path.read_text().replace("mean(", "average("))
    assert digest(project) != before


def test_a_file_that_is_not_imported_does_not_count(edit: Edit) -> None:
    before, after = edit("unused.py", "return 1", "return 2")
    assert after == before


def test_every_package_on_the_way_to_a_module_counts(project: Path) -> None:
    script = project / "scripts/measure.py"
    script.write_text("import toolbox.inner.deep\n")
    files = code_digest(script, project / "scripts/toolbox")["files"]
    assert list(files) == [
        "measure.py",
        "toolbox/__init__.py",
        "toolbox/inner/__init__.py",
        "toolbox/inner/deep.py",
    ]


@pytest.mark.parametrize(
    "statement", ["from ..numbers import mean", "from .. import numbers", "from . import deep, other"]
)
def test_relative_imports_are_followed(project: Path, statement: str) -> None:
    (project / "scripts/toolbox/inner/other.py").write_text("")
    (project / "scripts/toolbox/inner/__init__.py").write_text(f"{statement}\n")
    (project / "scripts/measure.py").write_text("import toolbox.inner\n")
    files = code_digest(project / "scripts/measure.py", project / "scripts/toolbox")["files"]
    expected = (
        {"toolbox/inner/deep.py", "toolbox/inner/other.py"} if "deep" in statement else {"toolbox/numbers.py"}
    )
    assert expected <= files.keys()


def test_templates_of_an_imported_package_count_by_their_bytes(project: Path) -> None:
    template = project / "scripts/toolbox/templates/page.md"
    template.parent.mkdir()
    template.write_text("one")
    before = digest(project)
    template.write_text("two")
    assert digest(project) != before


def test_data_of_a_package_that_is_not_imported_does_not_count(project: Path) -> None:
    before = digest(project)
    (project / "scripts/toolbox/inner/table.json").write_text("{}")
    assert digest(project) == before


def test_a_syntax_error_names_the_file_and_the_line(project: Path) -> None:
    (project / "scripts/toolbox/numbers.py").write_text("x = 1\ndef broken(:\n")
    with pytest.raises(DigestError, match=r"toolbox/numbers\.py: not valid Python.*line 2"):
        digest(project)


def test_the_json_is_one_text_for_one_digest(project: Path) -> None:
    made = code_digest(project / "scripts/measure.py", project / "scripts/toolbox")
    assert json.loads(digest_json(made)) == made
    assert digest_json(made) == digest_json(
        code_digest(project / "scripts/measure.py", project / "scripts/toolbox")
    )


def test_the_place_of_the_project_does_not_count(
    project: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    moved = tmp_path_factory.mktemp("elsewhere") / "project"
    before = digest(project)
    project.rename(moved)
    assert digest(moved) == before


def test_another_process_finds_the_same_digest(project: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from vlm_profiling.staleness.code_digest import code_digest;"
        "print(code_digest(Path(sys.argv[1]), Path(sys.argv[2]))['sha256'])"
    )
    assert run_python(code, project / "scripts/measure.py", project / "scripts/toolbox") == digest(project)


def test_pass_in_place_of_a_docstring_changes_nothing(project: Path) -> None:
    path = project / "scripts/toolbox/numbers.py"
    path.write_text(path.read_text() + 'class Odd(Exception):\n    """Odd."""\n')
    before = digest(project)
    path.write_text(path.read_text().replace('"""Odd."""', "pass"))
    assert digest(project) == before
