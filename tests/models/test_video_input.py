"""Frames given as the video that Qwen2.5-VL reads: two a grid, each time from its own frame, at their true
distance.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from generation import generate
from PIL import Image

from vlm_profiling.engines.transformers.loader import LoadedCheckpoint
from vlm_profiling.models.base import Prepared
from vlm_profiling.models.errors import Unsupported

SIZE = (56, 56)
"""Four by four patches, merged to four tokens."""


@pytest.fixture
def qwen(load: Callable[..., LoadedCheckpoint]) -> LoadedCheckpoint:
    return load("qwen2_5_vl")


def grey(*levels: int) -> list[Image.Image]:
    """Frames of one level of grey each."""
    return [Image.new("RGB", SIZE, (level, level, level)) for level in levels]


def prepared(qwen: LoadedCheckpoint, *shown: list[Image.Image] | Image.Image, **settings: object) -> Prepared:
    return qwen.family.prepare(qwen.processor, list(shown), ["what moves?"] * len(shown), **settings)


def test_each_time_of_a_patch_is_taken_from_its_own_frame(qwen: LoadedCheckpoint) -> None:
    levels = (10, 60, 110, 160, 210)
    inputs = prepared(qwen, grey(*levels)).inputs
    assert inputs["video_grid_thw"].tolist() == [[3, 4, 4]]
    patches = inputs["pixel_values_videos"].reshape(
        3, 16, 3, 2, -1
    )  # grids, patches, channels, times, pixels
    mean, std = (
        torch.tensor(getattr(qwen.processor.image_processor, name)) for name in ("image_mean", "image_std")
    )
    for grid, pair in enumerate([(10, 60), (110, 160), (210, 210)]):
        for time, level in enumerate(pair):
            expected = ((level / 255 - mean) / std).reshape(1, 3, 1).expand(16, 3, patches.shape[-1])
            torch.testing.assert_close(patches[grid, :, :, time], expected)


def test_a_video_that_stands_still_is_read_as_its_image_is(
    qwen: LoadedCheckpoint, images: list[Image.Image]
) -> None:
    still, image = prepared(qwen, [images[0]] * 2), prepared(qwen, images[0])
    assert torch.equal(still.inputs["pixel_values_videos"], image.inputs["pixel_values"])
    assert still.image_tokens == image.image_tokens and still.prompt_tokens == image.prompt_tokens
    assert still.vision_grids == image.vision_grids and still.effective_sizes == image.effective_sizes
    assert torch.equal(generate(qwen, still, steps=5), generate(qwen, image, steps=5))


def test_two_frames_take_the_positions_of_one_image_and_the_rest_is_padded(qwen: LoadedCheckpoint) -> None:
    batch = prepared(qwen, grey(0, 50, 100, 150), grey(0, 50, 100), grey(0))
    assert batch.frames == [4, 3, 1]
    assert batch.encoded_images == [2, 2, 1]
    assert batch.image_tokens == [8, 8, 4]
    assert batch.vision_grids == [(4, 4)] * 3
    assert (
        batch.inputs["input_ids"].shape == batch.inputs["mm_token_type_ids"].shape == (3, batch.padded_tokens)
    )
    assert (batch.inputs["mm_token_type_ids"] == 2).sum(1).tolist() == batch.image_tokens
    alone = [prepared(qwen, shown) for shown in (grey(0, 50, 100, 150), grey(0, 50, 100))]
    assert [one.prompt_tokens[0] for one in alone] == batch.prompt_tokens[:2]
    rows = generate(qwen, batch, steps=4).tolist()
    assert [generate(qwen, one, steps=4).tolist()[0] for one in alone] == rows[:2]


@pytest.mark.parametrize(("apart_s", "grid_s"), [(0.5, 1.0), (2.0, 4.0), (None, 1.0)])
def test_grids_stand_as_far_apart_as_their_frames_were_taken(
    qwen: LoadedCheckpoint, apart_s: float | None, grid_s: float
) -> None:
    inputs = prepared(qwen, grey(0, 50, 100, 150), seconds_apart=[apart_s]).inputs
    assert inputs["second_per_grid_ts"] == [grid_s]
    named = ("input_ids", "mm_token_type_ids", "video_grid_thw", "second_per_grid_ts", "attention_mask")
    positions, _ = qwen.model.model.get_rope_index(**{name: inputs[name] for name in named})
    in_time = positions[0, 0][inputs["mm_token_type_ids"][0] == 2]
    assert sorted(set((in_time - in_time.min()).tolist())) == [
        0,
        qwen.model.config.vision_config.tokens_per_second * grid_s,
    ]


def test_a_template_without_a_place_for_videos_is_refused(
    qwen: LoadedCheckpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        qwen.processor, "chat_template", qwen.processor.chat_template.replace("<|video_pad|>", "")
    )
    with pytest.raises(Unsupported, match="makes 0 places for a video"):
        prepared(qwen, grey(0, 50))


def test_a_video_whose_frames_change_their_size_is_refused(qwen: LoadedCheckpoint) -> None:
    with pytest.raises(Unsupported, match="frames of one video in 2 sizes"):
        prepared(qwen, [*grey(0), Image.new("RGB", (112, 56))])


def test_no_request_can_bring_a_video_of_its_own(qwen: LoadedCheckpoint) -> None:
    batch = qwen.family.prepare(qwen.processor, [grey(0, 50)], ["what is <|video_pad|><|image_pad|>?"])
    assert batch.image_tokens == [4]
