#!/usr/bin/env python3
"""Draw the data set moving-shapes: clips of two seconds in which one coloured shape moves, with questions
about its shape, colour and direction.

    .venv/bin/python tools/draw_moving_shapes.py --output datasets/moving-shapes

Images and questions are like easy-vqa's, so that a model trained on these can answer about a single frame;
the direction cannot be seen in one frame. The project ships the clips drawn, in datasets/moving-shapes.
"""

from __future__ import annotations

import argparse
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw

SIDE, FRAMES, RATE = 64, 24, 12
"""Pixels, frames of a clip, frames a second."""
SHAPES = ("circle", "rectangle", "triangle")
COLOURS = {
    "black": "#000000",
    "blue": "#0000ff",
    "green": "#00ff00",
    "red": "#ff0000",
    "teal": "#008080",
    "yellow": "#ffff00",
}
DIRECTIONS = {"left": (-1, 0), "right": (1, 0), "up": (0, -1), "down": (0, 1)}
CLIPS = 12
SEED = 0
STEP = 1.4
"""Pixels that a shape moves from frame to frame: 32 in all, half the image."""


def draw_moving_shapes(folder: Path) -> int:
    """Write the clips (H.264 in MP4) and samples.json to a folder; returns how many samples there are.

    Frames and questions are the same each time; a file's bytes depend on the version of the encoder.
    """
    folder.mkdir(parents=True, exist_ok=True)
    samples = []
    for number in range(CLIPS):
        name = f"{number:02}.mp4"
        shape, colour, direction = _shown(number)
        write_clip(folder / name, list(clip_frames(number)))
        other = SHAPES[(SHAPES.index(shape) + 1) % len(SHAPES)]
        named = shape if number % 2 else other
        questions = {
            "what is the color of the shape?": colour,
            f"what is the {colour} shape?": shape,
            f"is there a {named}?": "yes" if named == shape else "no",
            "which way does the shape move?": direction,
        }
        samples += [
            {"video_path": name, "request": request, "response": answer}
            for request, answer in questions.items()
        ]
    (folder / "samples.json").write_text(json.dumps(samples, indent=1) + "\n", encoding="utf-8")
    return len(samples)


def clip_frames(number: int) -> Iterator[Image.Image]:
    """The frames of one clip: RGB, SIDE x SIDE pixels."""
    draw_of = random.Random(SEED + number)
    shape, colour, direction = _shown(number)
    across, down = DIRECTIONS[direction]
    pale = tuple(draw_of.randrange(225, 256) for _ in range(3))
    half, way = draw_of.randrange(7, 11), STEP * (FRAMES - 1) / 2
    beside = draw_of.randrange(half + 1, SIDE - half - 1)
    for frame in range(FRAMES):
        passed = STEP * frame - way
        x = SIDE / 2 + across * passed if across else beside
        y = SIDE / 2 + down * passed if down else beside
        image = Image.new("RGB", (SIDE, SIDE), pale)
        draw, box = ImageDraw.Draw(image), (x - half, y - half, x + half, y + half)
        if shape == "circle":
            draw.ellipse(box, fill=COLOURS[colour])
        elif shape == "rectangle":
            draw.rectangle((box[0], y - 0.7 * half, box[2], y + 0.7 * half), fill=COLOURS[colour])
        else:
            draw.polygon([(x, box[1]), (box[0], box[3]), (box[2], box[3])], fill=COLOURS[colour])
        yield image


def write_clip(path: Path, frames: list[Image.Image], *, codec: str = "libx264", rate: int = RATE) -> None:
    """Frames of one size as a video file, whose ending names its container."""
    import av

    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream(codec, rate=rate)
        stream.width, stream.height = frames[0].size
        stream.pix_fmt = "yuv420p"
        for image in frames:
            container.mux(stream.encode(av.VideoFrame.from_image(image)))
        container.mux(stream.encode())


def _shown(number: int) -> tuple[str, str, str]:
    """Shape, colour and direction of a clip: every direction with every shape, every colour twice."""
    return SHAPES[number % 3], list(COLOURS)[number // 2 % 6], list(DIRECTIONS)[number % 4]


def main() -> None:
    """Draw the clips and print how many."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--output", type=Path, required=True, metavar="FOLDER", help="where clips and samples.json go"
    )
    output = parser.parse_args().output
    samples = draw_moving_shapes(output)
    print(f"{output}: {CLIPS} clips, {samples} questions")


if __name__ == "__main__":
    main()
