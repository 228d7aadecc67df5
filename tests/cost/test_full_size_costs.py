"""The full-size architectures are counted without weights, and their closed forms agree."""

from __future__ import annotations

import pytest
from closed_form import differences

from vlm_profiling.cost.counting.count import architecture_cost
from vlm_profiling.cost.functions import CostError, Work, work_flops
from vlm_profiling.models.full_size import full_size_config

PARAMETERS = {
    "blip2-opt-2.7b": 3.745,
    "blip2-flan-t5-xl": 3.942,
    "instructblip-flan-t5-xl": 4.023,
    "fuyu-8b": 9.408,
    "llava-1.5-7b-hf": 7.063,
    "Qwen2.5-VL-3B-Instruct": 3.755,
}
"""Billions."""


@pytest.mark.soak
@pytest.mark.parametrize("name", PARAMETERS)
def test_of_all_parameters_and_within_2_percent_of_the_closed_form(name: str) -> None:
    cost = architecture_cost(name)
    assert round((cost.parameters or 0) / 1e9, 3) == PARAMETERS[name]
    found = differences(full_size_config(name), cost)
    assert set(found) >= {"project", "prefill", "decode"}
    assert all(abs(difference) <= 0.02 for difference in found.values())


def test_llava_reads_a_image_with_7_8_teraflops() -> None:
    cost = architecture_cost("llava-1.5-7b-hf")
    assert cost.flops is not None
    assert cost.weights is not None
    assert cost.cache is not None
    breakdown = work_flops(cost.flops, Work(grids=((24, 24),), prompt_tokens=586, generated_tokens=2))
    assert breakdown.vision_flops == 381_918_216_192
    assert breakdown.prefill_flops == pytest.approx(7770e9, rel=1e-3)
    assert breakdown.decode_flops == pytest.approx(13.5e9, rel=5e-3)
    # Llama 7B without its input embeddings; 32 layers x keys and values x 4096
    assert cost.weights.decode == pytest.approx(6.607e9, rel=1e-4)
    assert cost.cache.per_prompt_token == cost.cache.per_generated_token == 32 * 2 * 4096


def test_an_unknown_architecture_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(CostError, match="did you mean 'fuyu-8b'"):
        architecture_cost("fuyu-7b")
