"""A folder is told apart: usable, incomplete, or with weights that could run code."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from vlm_profiling.models.errors import CheckpointError
from vlm_profiling.models.folders import (
    check_processor,
    check_weights,
    content_sha256,
    file_facts,
    read_config,
    whole_folder,
)


def test_pickle_weights_are_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "pytorch_model.bin").write_bytes(b"any pickle")
    with pytest.raises(
        CheckpointError, match=r"only as pickle \(pytorch_model.bin\).*convert them to safetensors"
    ):
        check_weights(tmp_path)


def test_pickles_beside_safetensors_are_no_matter(tmp_path: Path) -> None:
    (tmp_path / "pytorch_model.bin").write_bytes(b"any pickle")
    (tmp_path / "model.safetensors").write_bytes(b"weights")
    check_weights(tmp_path)


def test_a_folder_without_weights_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"no \*.safetensors"):
        check_weights(tmp_path)


def test_missing_parts_of_the_weights_are_named(tmp_path: Path) -> None:
    parts = {"a": "model-1.safetensors", "b": "model-2.safetensors"}
    (tmp_path / "model-1.safetensors").write_bytes(b"weights")
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps({"weight_map": parts}))
    with pytest.raises(CheckpointError, match=r"missing weight files: model-2.safetensors$"):
        check_weights(tmp_path)


def test_missing_processor_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"an image processor .* is missing"):
        check_processor(tmp_path)
    (tmp_path / "preprocessor_config.json").write_text("{}")
    with pytest.raises(CheckpointError, match=r"a tokenizer .* is missing"):
        check_processor(tmp_path)
    (tmp_path / "tokenizer.json").write_text("{}")
    check_processor(tmp_path)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (None, "no config.json"),
        ("{", "not readable as JSON"),
        ("{}", "no model_type"),
        ("[]", "no model_type"),
    ],
)
def test_a_config_that_cannot_be_used_says_why(tmp_path: Path, text: str | None, reason: str) -> None:
    if text is not None:
        (tmp_path / "config.json").write_text(text)
    with pytest.raises(CheckpointError, match=reason):
        read_config(tmp_path)


def test_the_hash_covers_names_and_contents_of_the_files_that_loading_reads(tmp_path: Path) -> None:
    (tmp_path / "below").mkdir()
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "below/tokenizer.json").write_text("abc")
    facts = file_facts(tmp_path, ["*.json"])
    assert {name: fact.size_bytes for name, fact in facts.items()} == {
        "below/tokenizer.json": 3,
        "config.json": 2,
    }
    assert (
        facts["below/tokenizer.json"].sha256
        == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    )
    (tmp_path / "README.md").write_text("a card")
    assert content_sha256(file_facts(tmp_path, ["*.json"])) == content_sha256(facts)
    (tmp_path / "config.json").rename(tmp_path / "other.json")
    assert content_sha256(file_facts(tmp_path, ["*.json"])) != content_sha256(facts)


def test_a_link_to_a_blob_named_by_its_hash_is_not_read_again(tmp_path: Path) -> None:
    blob = tmp_path / ("a" * 64)
    blob.write_bytes(b"weights")
    (tmp_path / "model.safetensors").symlink_to(blob)
    assert file_facts(tmp_path, ["*.safetensors"])["model.safetensors"].sha256 == "a" * 64


def test_a_folder_that_fails_half_way_leaves_the_old_one(tmp_path: Path) -> None:
    folder = tmp_path / "checkpoint"
    folder.mkdir()
    (folder / "old.json").write_text("{}")
    with pytest.raises(RuntimeError, match="killed"), whole_folder(folder) as temporary:
        (temporary / "new.json").write_text("{}")
        raise RuntimeError("killed")
    assert [path.name for path in tmp_path.rglob("*")] == ["checkpoint", "old.json"]
