"""A checkpoint folder from a stranger runs none of its code: not what its configs name, not a pickle beside
its weights.
"""

from __future__ import annotations

import json
import pickle
from contextlib import suppress
from pathlib import Path

import pytest

from vlm_profiling.engines.transformers.loader import load_checkpoint
from vlm_profiling.models.describe import describe_checkpoint
from vlm_profiling.models.errors import CheckpointError
from vlm_profiling.models.tiny import build_tiny_checkpoint
from vlm_profiling.study.inputs import ModelConfig

ONE_PROCESSOR = {"AutoProcessor": "theirs.Anything", "AutoTokenizer": ["theirs.Anything", None]}
CODE_OF = {
    "config.json": {"AutoConfig": "theirs.Anything", "AutoModelForImageTextToText": "theirs.Anything"},
    "processor_config.json": ONE_PROCESSOR,
    "preprocessor_config.json": {"AutoImageProcessor": "theirs.Anything"},
    "tokenizer_config.json": ONE_PROCESSOR,
}


class Bomb:
    """Makes a file when it is unpickled."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (self.marker,)


@pytest.fixture
def marker(tmp_path: Path) -> Path:
    """A file that is there once foreign code has run."""
    return tmp_path / "their-code-ran"


@pytest.fixture
def stranger(tmp_path: Path, marker: Path) -> Path:
    """A tiny LLaVA whose folder brings code and a pickle of its own."""
    folder = tmp_path / "stranger"
    folder.mkdir()
    build_tiny_checkpoint("llava", folder)
    (folder / "theirs.py").write_text(f"open({str(marker)!r}, 'w').close()\nclass Anything: ...\n")
    (folder / "pytorch_model.bin").write_bytes(pickle.dumps(Bomb(marker)))
    for name, names in CODE_OF.items():
        path = folder / name
        content = json.loads(path.read_text()) if path.exists() else {}
        path.write_text(json.dumps({**content, "auto_map": names}))
    return folder


def load(project: Path, **trust: bool) -> None:
    manifest = describe_checkpoint(
        "stranger", ModelConfig(folder="stranger", **trust), project, project / "built"
    )
    load_checkpoint(manifest, project, device="cpu", dtype="float32", attention="sdpa", quantisation=None)


def test_code_in_a_folder_is_not_run(stranger: Path, marker: Path) -> None:
    try:
        load(stranger.parent)
    except (CheckpointError, ValueError) as refusal:
        assert "trust_remote_code" in str(refusal)
    assert not marker.exists()


def test_the_same_code_is_run_where_the_study_says_so(
    stranger: Path, marker: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("transformers.dynamic_module_utils.HF_MODULES_CACHE", str(tmp_path / "modules"))
    with suppress(Exception):  # their class is no model
        load(stranger.parent, trust_remote_code=True)
    assert marker.exists()


def test_a_folder_with_nothing_but_a_pickle_is_refused_unread(stranger: Path, marker: Path) -> None:
    for file in stranger.glob("*.safetensors"):
        file.unlink()
    with pytest.raises(CheckpointError, match="only as pickle"):
        load(stranger.parent)
    assert not marker.exists()
