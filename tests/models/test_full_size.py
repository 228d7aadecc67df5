"""A full-size architecture is a folder without weights; its processor makes prompts that its model takes."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from vlm_profiling.models.describe import describe_checkpoint
from vlm_profiling.models.errors import CheckpointError
from vlm_profiling.models.full_size import ARCHITECTURES
from vlm_profiling.models.random_weights import model_from_config
from vlm_profiling.models.registry import family_for
from vlm_profiling.study.inputs import ModelConfig

IMAGE_TOKENS = {
    "blip2-opt-2.7b": 32,
    "blip2-flan-t5-xl": 32,
    "instructblip-flan-t5-xl": 32,
    "fuyu-8b": 6,  # an image of 80 x 60 in patches of 30 pixels
    "llava-1.5-7b-hf": 576,
    "Qwen2.5-VL-3B-Instruct": 6,
}


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_prompts_fit_the_full_size_model(tmp_path: Path, images, requests, name: str) -> None:
    from transformers import AutoConfig

    manifest = describe_checkpoint("big", ModelConfig(architecture=name), tmp_path, tmp_path / "big")
    assert (manifest.source, manifest.folder, manifest.random_weights) == (
        f"architecture:{name}",
        "big",
        True,
    )
    assert manifest.weight_bytes is None

    config = AutoConfig.from_pretrained(tmp_path / "big")
    family = family_for(manifest.model_type)(config)
    processor = family.load_processor(tmp_path / "big", backend="pil", trust_remote_code=False)
    prepared = family.prepare(processor, images[:1], requests[:1])
    assert prepared.image_tokens == [IMAGE_TOKENS[name]]
    assert prepared.inputs["input_ids"].max() < config.get_text_config().vocab_size

    model = model_from_config(config, device="meta", dtype=torch.bfloat16, attention="sdpa")
    ids = torch.tensor([[300, 500, 20_000]])
    assert model.get_input_embeddings().num_embeddings == config.get_text_config().vocab_size
    assert len(family.answers(processor, ids)[0]) > 0


def test_an_unknown_architecture_is_told_the_nearest_name(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"unknown architecture 'fuyu-9b'.*did you mean 'fuyu-8b'"):
        describe_checkpoint("big", ModelConfig(architecture="fuyu-9b"), tmp_path, tmp_path / "big")
