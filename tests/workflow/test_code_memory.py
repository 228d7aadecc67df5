"""A study that is opened again parses no code that it knows, and does without what it could not keep."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import vlm_profiling.staleness.code_digest as digest_module
from vlm_profiling.workflow import open_workflow

PROJECT = Path(__file__).resolve().parents[2]


def digests() -> dict[str, str]:
    """As the rules ask for them, of a study opened anew."""
    workflow = open_workflow([PROJECT / "profiles/random/cpu.yaml"], PROJECT)
    names = ("profile_run", "merge_runs", "draw_charts")
    return {name: json.loads(workflow.code_digest_file(name).read_bytes())["sha256"] for name in names}


@pytest.fixture
def memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where a study in an empty folder keeps what it parsed."""
    monkeypatch.chdir(tmp_path)
    return (
        tmp_path
        / open_workflow([PROJECT / "profiles/random/cpu.yaml"], PROJECT).study.results
        / "code"
        / "parsed.txt"
    )


def test_the_next_start_parses_nothing(memory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = digests()
    written = memory.stat().st_mtime_ns

    def parse(_content: bytes, name: str) -> object:
        raise AssertionError(name)

    monkeypatch.setattr(digest_module, "_read_module", parse)
    assert digests() == first
    assert memory.stat().st_mtime_ns == written


def test_a_memory_that_cannot_be_read_or_written_costs_time_and_nothing_else(memory: Path) -> None:
    memory.mkdir(parents=True)
    assert digests() == digests()
    assert list(memory.iterdir()) == []
    assert [path.name for path in memory.parent.iterdir() if "parsed" in path.name] == ["parsed.txt"]
