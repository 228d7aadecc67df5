"""scripts/prepare_checkpoint.py works alone: it builds and describes, or ends with code 2 and a reason."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from vlm_profiling.record.manifests import CheckpointManifest, read_manifest

SCRIPT = Path(__file__).parents[2] / "scripts/prepare_checkpoint.py"


def prepare(project: Path, model: str) -> subprocess.CompletedProcess[str]:
    command = [
        sys.executable,
        str(SCRIPT),
        "--name",
        "mine",
        "--model",
        model,
        "--output",
        "results/checkpoints/mine.json",
    ]
    return subprocess.run(command, cwd=project, capture_output=True, text=True, check=False)


def test_a_tiny_checkpoint_lies_beside_its_manifest(tmp_path: Path, manifests) -> None:
    done = prepare(tmp_path, '{"tiny":"fuyu"}')
    assert (done.returncode, done.stdout) == (0, "")
    manifest = read_manifest(tmp_path / "results/checkpoints/mine.json", CheckpointManifest)
    assert (manifest.name, manifest.source, manifest.folder) == (
        "mine",
        "tiny:fuyu",
        "results/checkpoints/mine",
    )
    assert manifest.content_sha256 == manifests["fuyu"].content_sha256
    assert str(tmp_path) not in (tmp_path / "results/checkpoints/mine.json").read_text()


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        ('{"tiny":"lava"}', "did you mean 'llava'"),
        ('{"folder":"none"}', "there is no such folder"),
        ("{}", "found none of them"),
    ],
)
def test_what_cannot_be_used_fails_and_a_reason(tmp_path: Path, model: str, reason: str) -> None:
    done = prepare(tmp_path, model)
    assert done.returncode == 1
    assert reason in done.stderr and "Traceback" not in done.stderr
    assert not (tmp_path / "results/checkpoints/mine.json").exists()
