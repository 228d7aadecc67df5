"""The cost functions, counted without weights, equal what a real generate() does, to the last operation and stage by stage."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from vlm_profiling.checkpoints.loader import LoadedCheckpoint
from vlm_profiling.cost.functions import ModelCost, Work, work_flops
from vlm_profiling.cost.generate import generate_flops

REQUESTS = ["what is the brand of this camera?", "how many?", "describe this picture: a man rides a wave on top of a surfboard"]
SIZES = {"wide": (80, 60), "high": (70, 150), "flat": (100, 40)}
NEW_TOKENS = 5


def picture(width: int, height: int) -> Image.Image:
    return Image.fromarray(np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8))


def assert_equal_flops(loaded: LoadedCheckpoint, cost: ModelCost, pictures: list[Image.Image], image_size: int | None) -> None:
    prepared = loaded.family.prepare(loaded.processor, pictures, REQUESTS[: len(pictures)], image_size=image_size)
    real = generate_flops(
        loaded.model,
        loaded.family.stage_modules(loaded.model),
        **prepared.inputs,
        **loaded.family.generate_arguments(loaded.model),
        max_new_tokens=NEW_TOKENS,
        min_new_tokens=NEW_TOKENS,
        do_sample=False,
    )
    assert cost.flops is not None, cost.absent
    work = Work(
        grids=tuple(prepared.vision_grids),
        prompt_tokens=prepared.padded_tokens,
        generated_tokens=NEW_TOKENS,
        qformer_tokens=prepared.qformer_tokens,
    )
    expected = work_flops(cost.flops, work)
    assert real == {
        "vision": expected.vision_flops or 0,
        "project": expected.project_flops,
        "prefill": expected.prefill_flops,
        "decode": expected.decode_flops,
        "other": 0,
    }
    assert expected.total_flops > 0


@pytest.mark.parametrize("size", [SIZES["wide"], SIZES["high"]], ids=["wide", "high"])
def test_of_one_row(loaded: LoadedCheckpoint, cost: ModelCost, size: tuple[int, int]) -> None:
    assert_equal_flops(loaded, cost, [picture(*size)], image_size=None)


@pytest.mark.parametrize("image_size", [None, 112])
def test_of_a_padded_batch_with_prompts_and_pictures_of_three_sizes(
    loaded: LoadedCheckpoint, cost: ModelCost, image_size: int | None
) -> None:
    assert_equal_flops(loaded, cost, [picture(*size) for size in SIZES.values()], image_size)


def test_only_fuyu_lacks_a_vision_stage(cost: ModelCost) -> None:
    assert cost.flops is not None
    assert (cost.flops.vision is None) == (cost.model_type == "fuyu")


def test_parameters_are_those_of_the_loaded_model(loaded: LoadedCheckpoint, cost: ModelCost) -> None:
    assert cost.parameters == sum(parameter.numel() for parameter in loaded.model.parameters())


def test_the_cache_is_as_large_as_a_real_one(loaded: LoadedCheckpoint, cost: ModelCost) -> None:
    prepared = loaded.family.prepare(loaded.processor, [picture(80, 60)], REQUESTS[:1])
    output = loaded.model.generate(
        **prepared.inputs,
        **loaded.family.generate_arguments(loaded.model),
        max_new_tokens=NEW_TOKENS,
        min_new_tokens=NEW_TOKENS,
        do_sample=False,
        return_dict_in_generate=True,
    )
    halves = [getattr(output.past_key_values, half, None) for half in ("self_attention_cache", "cross_attention_cache")]
    layers = [layer for half in halves if half is not None for layer in half.layers] or output.past_key_values.layers
    real_bytes = sum(layer.keys.nbytes + layer.values.nbytes for layer in layers)
    assert cost.cache is not None
    assert cost.cache.row_bytes(prepared.padded_tokens, NEW_TOKENS, bytes_per_element=4) == real_bytes
