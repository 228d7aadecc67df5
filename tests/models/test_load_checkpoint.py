"""Checkpoints load as their manifest says, in the dtype and attention asked, or tell why not."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from generation import answer
from msgspec import structs
from safetensors.torch import load_file, save_file

from vlm_profiling.engines.transformers.loader import load_checkpoint
from vlm_profiling.models.describe import describe_checkpoint
from vlm_profiling.models.errors import CheckpointError, Unsupported
from vlm_profiling.models.identify import describe_local_or_hub
from vlm_profiling.study.inputs import ModelConfig


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_eager_and_sdpa_give_the_same_tokens(load, architecture: str, images, requests, dtype: str) -> None:
    tokens = {}
    for attention in ("eager", "sdpa"):
        loaded = load(architecture, dtype, attention)
        assert loaded.model.config._attn_implementation == attention
        assert {parameter.dtype for parameter in loaded.model.parameters()} == {getattr(torch, dtype)}
        tokens[attention] = [answer(loaded, images, requests), answer(loaded, images[:1], requests[:1])]
    if dtype == "float32":
        assert tokens["eager"] == tokens["sdpa"]
    assert [len(rows) for rows in tokens["sdpa"]] == [4, 1]


def test_a_loaded_model_is_ready_to_measure(loaded, architecture: str) -> None:
    assert not loaded.model.training
    assert not any(parameter.requires_grad for parameter in loaded.model.parameters())
    assert loaded.load_s > 0
    assert loaded.manifest.source == f"tiny:{architecture}"
    assert loaded.family.name == loaded.manifest.family


@pytest.mark.parametrize(
    ("architecture", "reason"),
    [
        ("blip2-opt", r"^Blip2ForConditionalGeneration does not support Flash Attention 2 yet$"),
        ("llava", "FlashAttention2"),
    ],
)
def test_an_attention_that_is_refused_is_unsupported_with_the_library_s_reason(
    load, architecture: str, reason: str
) -> None:
    with pytest.raises(Unsupported, match=reason) as refused:
        load(architecture, "bfloat16", "flash_attention_2")
    assert "\n" not in str(refused.value)


def test_a_processor_backend_that_is_not_installed_is_unsupported(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("vlm_profiling.engines.transformers.loader.is_torchvision_available", lambda: False)
    manifest = describe_checkpoint(
        "m", ModelConfig(tiny="llava", processor_backend="torchvision"), tmp_path, tmp_path / "m"
    )
    with pytest.raises(Unsupported, match="torchvision is not installed"):
        load_checkpoint(manifest, tmp_path, device="cpu", dtype="float32", attention="sdpa")


def test_weights_that_miss_a_tensor_are_refused_by_its_name(project: Path, manifests, tmp_path: Path) -> None:
    shutil.copytree(project / "llava", tmp_path / "llava")
    weights = load_file(tmp_path / "llava/model.safetensors")
    name = next(name for name in weights if name.endswith("linear_1.weight"))
    del weights[name]
    save_file(weights, tmp_path / "llava/model.safetensors", metadata={"format": "pt"})
    manifest = describe_local_or_hub(str(tmp_path / "llava"))
    with pytest.raises(
        CheckpointError, match=r"llava: no weights for .*multi_modal_projector\.linear_1\.weight"
    ):
        load_checkpoint(manifest, tmp_path, device="cpu", dtype="float32", attention="sdpa")


def test_a_config_without_weights_loads_with_random_ones_only_when_the_manifest_says_so(
    project: Path, manifests, tmp_path
) -> None:
    shutil.copytree(project / "fuyu", tmp_path / "fuyu")
    (tmp_path / "fuyu/model.safetensors").unlink()
    manifest = manifests["fuyu"]
    assert manifest.random_weights
    load_checkpoint(manifest, tmp_path, device="cpu", dtype="float32", attention="sdpa")
    manifest = structs.replace(manifest, random_weights=False)
    with pytest.raises(CheckpointError, match=r"no \*.safetensors"):
        load_checkpoint(manifest, tmp_path, device="cpu", dtype="float32", attention="sdpa")


def test_a_checkpoint_whose_folder_is_gone_says_what_to_do(manifests, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="prepare the checkpoint again"):
        load_checkpoint(manifests["llava"], tmp_path, device="cpu", dtype="float32", attention="sdpa")


def test_a_manifest_tells_the_files_and_their_hash(project: Path, manifests) -> None:
    manifest = manifests["llava"]
    assert (manifest.model_type, manifest.architecture, manifest.family) == (
        "llava",
        "LlavaForConditionalGeneration",
        "llava",
    )
    assert (manifest.folder, manifest.hub, manifest.random_weights) == ("llava", None, True)
    assert manifest.weight_bytes == (project / "llava/model.safetensors").stat().st_size
    assert {"config.json", "model.safetensors", "processor_config.json", "tokenizer.json"} <= set(
        manifest.files
    )


def test_a_folder_of_the_project_is_described_as_it_lies(project: Path, manifests) -> None:
    manifest = describe_checkpoint("mine", ModelConfig(folder="qwen2_5_vl"), project, project / "unused")
    assert (manifest.source, manifest.folder, manifest.random_weights) == ("qwen2_5_vl", "qwen2_5_vl", False)
    assert manifest.content_sha256 == manifests["qwen2_5_vl"].content_sha256
    assert not (project / "unused").exists()


def test_a_folder_anywhere_is_described_without_its_path_in_the_source(project: Path, manifests) -> None:
    manifest = describe_local_or_hub(str(project / "blip2-t5"))
    assert (manifest.name, manifest.source, manifest.family) == ("blip2-t5", "blip2-t5", "blip2")
    loaded = load_checkpoint(manifest, Path("/nowhere"), device="cpu", dtype="float32", attention="sdpa")
    assert loaded.model.config.model_type == "blip-2"


@pytest.mark.parametrize(
    ("config", "reason"),
    [
        ({"model_type": "gpt2"}, r"model_type 'gpt2' is no image-text-to-text model of transformers$"),
        (
            {"model_type": "newvlm", "auto_map": {}},
            r"'newvlm' .* ships its own code, which trust_remote_code: true would run",
        ),
    ],
)
def test_a_model_that_transformers_does_not_know_is_refused_by_its_type(
    tmp_path: Path, config: dict, reason: str
) -> None:
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(CheckpointError, match=reason):
        describe_local_or_hub(str(tmp_path))


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="models/none: there is no such folder"):
        describe_checkpoint("m", ModelConfig(folder="models/none"), tmp_path, tmp_path / "m")
