"""Small real videos: frames of one colour each, encoded by PyAV, in a folder that a study can name."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from draw_moving_shapes import write_clip

COLOURS = ("red", "green", "blue", "yellow")


def write_clips(
    folder: Path, frames: Sequence[int] = (12, 12, 12, 12), size: tuple[int, int] = (48, 32)
) -> Path:
    """Clips of so many frames, each frame a little darker than the one before, with a question each, as
    samples.json.
    """
    folder.mkdir(parents=True)
    samples = []
    for number, (count, colour) in enumerate(zip(frames, COLOURS * len(frames), strict=False)):
        plain, black = Image.new("RGB", size, colour), Image.new("RGB", size)
        write_clip(
            folder / f"{number}.mp4", [Image.blend(plain, black, step / (2 * count)) for step in range(count)]
        )
        samples.append({"video_path": f"{number}.mp4", "request": "what colour is it ?", "response": colour})
    (folder / "samples.json").write_text(json.dumps(samples))
    return folder
