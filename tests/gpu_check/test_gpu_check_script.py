"""The check as its script: on a CPU, small, from an empty folder to pages."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from small_project import PROJECT

SCRIPT = PROJECT / "scripts" / "gpu_check.py"


def check(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(SCRIPT), "--output", str(folder), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=600)


def test_without_a_gpu_it_says_so_and_leaves_no_summary(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    if torch.cuda.is_available():
        pytest.skip("there is a GPU here")
    done = check(tmp_path / "out", "--parts", "device")

    assert done.returncode == 2
    assert "sees no CUDA GPU here" in done.stderr
    assert not (tmp_path / "out" / "summary.json").exists()


def test_a_part_that_there_is_not_is_named(tmp_path: Path) -> None:
    done = check(tmp_path / "out", "--parts", "device,tinny")

    assert done.returncode == 2
    assert "no such part: tinny" in done.stderr


@pytest.mark.slow
def test_the_whole_check_on_a_cpu(tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = check(out, "--device", "cpu", "--minutes", "8")
    summary = json.loads((out / "summary.json").read_text())

    assert done.returncode == 0, done.stdout + done.stderr
    assert {name: part["state"] for name, part in summary["parts"].items()} == dict.fromkeys(
        ("prepare", "device", "ceilings", "models", "again", "overhead", "tiny", "tables"), "done"
    )
    assert set(summary["outcomes"]["fp32"].values()) == {"ok"}
    assert len(summary["outcomes"]["fp32"]) == 6
    assert summary["outcomes"]["flash-attention-2"]["tiny-llava"].startswith("unsupported in load")
    assert len(list((out / "models" / "runs").rglob("*.json"))) == 2
    assert (out / "models" / "reports" / "index.md").exists()
    figures = {figure["name"]: figure for figure in summary["figures"]}
    assert "pairs" in figures["headline pass / bare loop"]["value"]
    assert figures["tiny families"]["holds"]

    again = check(out, "--device", "cpu", "--parts", "models")
    assert again.returncode == 0
    assert "models: done after 0 s" in again.stdout, "what lies there is not measured again"
