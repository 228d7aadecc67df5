"""Embedded full-size configs have the published sizes; any config becomes a model with random weights."""

from __future__ import annotations

import pytest
import torch
from transformers import AutoConfig

from vlm_profiling.models.errors import CheckpointError
from vlm_profiling.models.full_size import ARCHITECTURES, full_size_config
from vlm_profiling.models.random_weights import model_from_config

BILLIONS = {
    "blip2-opt-2.7b": 3.745,
    "blip2-flan-t5-xl": 3.942,
    "instructblip-flan-t5-xl": 4.023,
    "fuyu-8b": 9.408,
    "llava-1.5-7b-hf": 7.063,
    "Qwen2.5-VL-3B-Instruct": 3.755,
}


def test_every_architecture_has_a_published_size() -> None:
    assert set(BILLIONS) == set(ARCHITECTURES)


@pytest.mark.parametrize("name", BILLIONS)
def test_a_full_size_model_has_the_published_number_of_parameters(name: str) -> None:
    model = model_from_config(full_size_config(name), device="meta", dtype=torch.bfloat16, attention="sdpa")
    assert round(sum(parameter.numel() for parameter in model.parameters()) / 1e9, 3) == BILLIONS[name]
    assert {parameter.device.type for parameter in model.parameters()} == {"meta"}


def test_an_unknown_architecture_is_told_the_nearest_name() -> None:
    with pytest.raises(CheckpointError, match=r"unknown architecture 'fuyu-7b'.*did you mean 'fuyu-8b'"):
        full_size_config("fuyu-7b")


def test_a_model_from_a_config_is_ready_to_generate_and_repeats_by_its_seed(
    project, manifests, architecture: str
) -> None:
    config = AutoConfig.from_pretrained(project / architecture)
    first, again = (
        model_from_config(config, device="cpu", dtype=torch.float32, attention="eager") for _ in range(2)
    )
    assert not first.training and not any(parameter.requires_grad for parameter in first.parameters())
    assert first.config._attn_implementation == "eager"
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), again.parameters(), strict=True))


def test_making_a_model_leaves_the_random_state_alone(project, manifests) -> None:
    config = AutoConfig.from_pretrained(project / "llava")
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    model_from_config(config, device="cpu", dtype=torch.float32, attention="sdpa")
    assert torch.equal(torch.rand(3), expected)
