"""Where positions are interpolated, image_size sets what the encoder sees, and cost and memory follow it."""

from __future__ import annotations

from pathlib import Path

import pytest
from closed_form import differences
from real_flops import IMAGE_SIZES, noise_image, real_and_expected_flops

from vlm_profiling.cost.counting.count import checkpoint_cost
from vlm_profiling.cost.functions import ModelCost
from vlm_profiling.cost.memory.expect import expected_batch
from vlm_profiling.engines.transformers.loader import LoadedCheckpoint, load_checkpoint
from vlm_profiling.models.describe import describe_checkpoint
from vlm_profiling.models.errors import Unsupported
from vlm_profiling.study.inputs import ModelConfig
from vlm_profiling.study.point import Point

PATCH = 14
Interpolating = tuple[LoadedCheckpoint, ModelCost]


@pytest.fixture(scope="module", params=["blip2-opt", "blip2-t5", "instructblip-t5", "llava"])
def interpolating(project: Path, request: pytest.FixtureRequest) -> Interpolating:
    """Each tiny checkpoint with learned positions in turn, its own grid 2 x 2 patches."""
    name = f"{request.param}-interpolating"
    manifest = describe_checkpoint(
        name, ModelConfig(tiny=request.param, image_size_mode="interpolate"), project, project / name
    )
    loaded = load_checkpoint(manifest, project, device="cpu", dtype="float32", attention="sdpa")
    return loaded, checkpoint_cost(manifest, project)


@pytest.mark.parametrize("image_size", [None, 28, 60, 112])
def test_flops_are_those_of_a_real_batch_at_every_size(
    interpolating: Interpolating, image_size: int | None
) -> None:
    loaded, cost = interpolating
    real, expected = real_and_expected_flops(
        loaded, cost, [noise_image(*size) for size in IMAGE_SIZES], image_size
    )
    assert real == expected


@pytest.mark.parametrize(("image_size", "side"), [(None, 2), (28, 2), (60, 4), (112, 8)])
def test_every_image_becomes_a_square_of_the_size_asked(
    interpolating: Interpolating, image_size: int | None, side: int
) -> None:
    loaded, cost = interpolating
    image, tokens = noise_image(80, 60), side**2 if loaded.family.name == "llava" else 8
    point = Point(optimization="fp32", image_size=image_size, max_input_len=1)
    prepared = loaded.family.prepare(loaded.processor, [image], ["how many?"], point)
    assert (prepared.vision_grids, prepared.image_tokens) == ([(side, side)], [tokens])
    assert prepared.effective_sizes == [(image_size or 2 * PATCH,) * 2]

    batch = expected_batch(cost, point, new_tokens=1, sizes=[(80, 60)])
    assert not isinstance(batch, str)
    assert (batch.patches, batch.prompt_tokens) == (side**2, tokens + 1 + 24)


def test_the_closed_form_agrees_at_the_size_the_model_is_made_for(interpolating: Interpolating) -> None:
    loaded, cost = interpolating
    assert differences(loaded.model.config, cost) == dict.fromkeys(
        ("vision", "project", "prefill", "decode"), 0.0
    )


def test_a_image_below_one_patch_is_unsupported(interpolating: Interpolating) -> None:
    loaded, _ = interpolating
    with pytest.raises(Unsupported, match="image_size 13: the vision encoder's patches are 14 pixels wide"):
        loaded.family.prepare(
            loaded.processor,
            [noise_image(80, 60)],
            ["how many?"],
            Point(optimization="fp32", image_size=13),
        )


@pytest.mark.parametrize("name", ["fuyu", "qwen2_5_vl"])
def test_a_model_that_takes_any_size_has_nothing_to_interpolate(project: Path, name: str) -> None:
    config = ModelConfig(tiny=name, image_size_mode="interpolate")
    manifest = describe_checkpoint(name, config, project, project / f"{name}-interpolating")
    with pytest.raises(
        Unsupported, match=f"the family {name} already takes images of any size; leave the key out"
    ):
        load_checkpoint(manifest, project, device="cpu", dtype="float32", attention="sdpa")


def test_a_family_says_what_image_size_can_move(loaded: LoadedCheckpoint) -> None:
    native = loaded.family.name in ("fuyu", "qwen2_5_vl")
    assert loaded.family.image_sizing == ("native" if native else "fixed")
