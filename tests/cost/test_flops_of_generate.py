"""The cost functions, counted without weights, equal what a real generate() does, to the last operation and
stage by stage.
"""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from real_flops import IMAGE_SIZES, NEW_TOKENS, REQUESTS, noise_image, real_and_expected_flops

from vlm_profiling.cost.functions import ModelCost
from vlm_profiling.engines.transformers.loader import LoadedCheckpoint
from vlm_profiling.models.base import Shown
from vlm_profiling.models.errors import Unsupported


def assert_equal_flops(
    loaded: LoadedCheckpoint, cost: ModelCost, images: Sequence[Shown], image_size: int | None
) -> None:
    real, expected = real_and_expected_flops(loaded, cost, images, image_size)
    assert real == expected
    assert sum(expected.values()) > 0


@pytest.mark.parametrize("size", IMAGE_SIZES[:2], ids=["wide", "high"])
def test_of_one_row(loaded: LoadedCheckpoint, cost: ModelCost, size: tuple[int, int]) -> None:
    assert_equal_flops(loaded, cost, [noise_image(*size)], image_size=None)


@pytest.mark.parametrize("image_size", [None, 112])
def test_of_a_padded_batch_with_prompts_and_images_of_three_sizes(
    loaded: LoadedCheckpoint, cost: ModelCost, image_size: int | None
) -> None:
    assert_equal_flops(loaded, cost, [noise_image(*size) for size in IMAGE_SIZES], image_size)


def test_of_a_padded_batch_of_four_three_and_one_frames(loaded: LoadedCheckpoint, cost: ModelCost) -> None:
    shown = [[noise_image(*size)] * frames for size, frames in zip(IMAGE_SIZES, (4, 3, 1), strict=True)]
    if loaded.family.one_image:
        with pytest.raises(Unsupported, match="frames = 4: the processor puts"):
            loaded.family.prepare(loaded.processor, shown, REQUESTS)
    else:
        assert_equal_flops(loaded, cost, shown, image_size=None)


def test_only_fuyu_lacks_a_vision_stage(cost: ModelCost) -> None:
    assert cost.flops is not None
    assert (cost.flops.vision is None) == (cost.model_type == "fuyu")


def test_parameters_are_those_of_the_loaded_model(loaded: LoadedCheckpoint, cost: ModelCost) -> None:
    assert cost.parameters == sum(parameter.numel() for parameter in loaded.model.parameters())


def test_the_cache_is_as_large_as_a_real_one(loaded: LoadedCheckpoint, cost: ModelCost) -> None:
    prepared = loaded.family.prepare(loaded.processor, [noise_image(80, 60)], REQUESTS[:1])
    output = loaded.model.generate(
        **prepared.inputs,
        **loaded.family.generate_arguments(loaded.model),
        max_new_tokens=NEW_TOKENS,
        min_new_tokens=NEW_TOKENS,
        do_sample=False,
        return_dict_in_generate=True,
    )
    halves = [
        getattr(output.past_key_values, half, None)
        for half in ("self_attention_cache", "cross_attention_cache")
    ]
    layers = [
        layer for half in halves if half is not None for layer in half.layers
    ] or output.past_key_values.layers
    real_bytes = sum(layer.keys.nbytes + layer.values.nbytes for layer in layers)
    assert cost.cache is not None
    assert cost.cache.row_bytes(prepared.padded_tokens, NEW_TOKENS, bytes_per_element=4) == real_bytes
