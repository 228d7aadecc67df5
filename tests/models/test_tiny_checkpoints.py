"""Tiny checkpoints are the same bytes each time, and folders like any other."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from vlm_profiling.models.errors import CheckpointError
from vlm_profiling.models.folders import content_sha256, file_facts
from vlm_profiling.models.tiny import TINY_ARCHITECTURES, build_tiny_checkpoint

SCRIPTS = Path(__file__).parents[2] / "scripts"
BUILD = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from vlm_profiling.models.tiny import TINY_ARCHITECTURES, build_tiny_checkpoint
for name in TINY_ARCHITECTURES:
    build_tiny_checkpoint(name, Path(sys.argv[2]) / name)
"""


def contents(folder: Path) -> dict[str, str]:
    return {name: content_sha256(file_facts(folder / name, ["*"])) for name in TINY_ARCHITECTURES}


def test_another_process_builds_the_same_bytes(tmp_path: Path, project: Path, manifests: dict) -> None:
    subprocess.run(
        [sys.executable, "-c", BUILD, str(SCRIPTS), str(tmp_path)], check=True, capture_output=True
    )
    assert contents(tmp_path) == contents(project)


def test_another_seed_gives_other_weights(tmp_path: Path, project: Path, manifests: dict) -> None:
    build_tiny_checkpoint("llava", tmp_path / "llava", seed=1)
    weights = (tmp_path / "llava/model.safetensors").read_bytes()
    assert weights != (project / "llava/model.safetensors").read_bytes()
    assert (tmp_path / "llava/config.json").read_bytes() == (project / "llava/config.json").read_bytes()


def test_every_file_is_readable_by_everyone(project: Path, manifests: dict, architecture: str) -> None:
    modes = {
        file.name: oct(file.stat().st_mode & 0o777)
        for file in (project / architecture).rglob("*")
        if file.is_file()
    }
    assert set(modes.values()) == {"0o644"}


def test_a_folder_is_small(project: Path, manifests: dict, architecture: str) -> None:
    assert sum(fact.size_bytes for fact in file_facts(project / architecture, ["*"]).values()) < 2_200_000


def test_building_again_leaves_nothing_of_the_old_folder(tmp_path: Path) -> None:
    (tmp_path / "fuyu").mkdir()
    (tmp_path / "fuyu/left-over.json").write_text("{}")
    build_tiny_checkpoint("fuyu", tmp_path / "fuyu")
    assert json.loads((tmp_path / "fuyu/config.json").read_text())["model_type"] == "fuyu"
    assert not (tmp_path / "fuyu/left-over.json").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["fuyu"]


def test_an_unknown_architecture_is_told_the_nearest_name(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"unknown tiny architecture 'lava'.*did you mean 'llava'"):
        build_tiny_checkpoint("lava", tmp_path / "lava")
