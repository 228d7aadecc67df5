"""The clips that the project ships: those that its code draws."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from draw_moving_shapes import (
    COLOURS,
    DIRECTIONS,
    FRAMES,
    SHAPES,
    clip_frames,
    draw_moving_shapes,
)
from vlm_profiling.datasets.read import open_media, read_source_folder
from vlm_profiling.datasets.videos import Clip, decode_frames, frame_images

SHIPPED = Path(__file__).parents[2] / "datasets" / "moving-shapes"


def test_the_shipped_files_decode_to_the_frames_that_are_drawn_and_ask_the_same() -> None:
    _, samples = read_source_folder(SHIPPED, None)
    for name in ("00.mp4", "07.mp4"):
        clip = open_media(SHIPPED, next(sample for sample in samples if sample.image == name), FRAMES)
        assert isinstance(clip, Clip)
        for decoded, drawn in zip(frame_images(decode_frames(clip)), clip_frames(int(name[:2])), strict=True):
            difference = np.abs(np.asarray(decoded, float) - np.asarray(drawn, float))
            assert difference.mean() < 4  # of 255: what H.264 and half the colour's resolution cost


def test_drawn_anew_the_questions_are_the_same(tmp_path: Path) -> None:
    assert draw_moving_shapes(tmp_path) == 48
    assert (tmp_path / "samples.json").read_text() == (SHIPPED / "samples.json").read_text()


def test_every_direction_is_asked_of_every_shape_and_yes_is_as_common_as_no() -> None:
    samples = json.loads((SHIPPED / "samples.json").read_text())
    answers = [sample["response"] for sample in samples]
    assert {answer: answers.count(answer) for answer in DIRECTIONS} == dict.fromkeys(DIRECTIONS, 3)
    assert {answer: answers.count(answer) for answer in COLOURS} == dict.fromkeys(COLOURS, 2)
    assert {answer: answers.count(answer) for answer in SHAPES} == dict.fromkeys(SHAPES, 4)
    assert answers.count("yes") == answers.count("no") == 6
