"""The patches and prompt tokens of an image, computed from its size alone. Imports no torch."""

from __future__ import annotations

import math
from typing import Any

from msgspec import Struct, structs

Size = tuple[int, int]
"""Width, height in pixels."""
Grid = tuple[int, int]
"""Rows, columns of patches that the vision encoder sees of one image, before any merging."""


class ImageTokens(Struct, kw_only=True, frozen=True, omit_defaults=True):
    """The rule by which a model's processor cuts images. Exactly one of grid, area and canvas is set."""

    grid: Grid | None = None
    """Rows, columns of patches of every image: the processor brings all to one size."""
    area: tuple[int, int] | None = None
    """Least and most pixels of a scaled image, whose sides are multiples of patch x merge (Qwen2-VL)."""
    canvas: Size | None = None
    """A larger image is scaled down to fit into this size; its patches need not be whole (Fuyu)."""
    patch: int = 0
    """Side of a patch in pixels; unused with a fixed grid."""
    merge: int = 1
    """Patches along a side that become one token."""
    tokens: int = 0
    """Prompt tokens of every image; used with a grid."""
    tokens_a_patch: int | None = None
    """Prompt tokens of each patch beyond the grid's, where `image_size` sets the grid by interpolating
    positions; null where it does not."""
    frames: int = 1
    """Frames of a video that are cut as one image and share its tokens; 1 where each frame is an image of
    the prompt.
    """

    def at_size(self, image_size: int | None) -> ImageTokens:
        """The rule when a run asks for this image size, in pixels; None keeps the processor's own size."""
        if self.grid is None or self.tokens_a_patch is None or image_size is None:
            return self
        side = image_size // self.patch
        more = side**2 - math.prod(self.grid)
        return structs.replace(self, grid=(side, side), tokens=self.tokens + self.tokens_a_patch * more)

    def count(self, size: Size) -> tuple[int, int]:
        """Patches and prompt tokens of an image of `size` pixels (width, height)."""
        if self.grid:
            return math.prod(self.grid), self.tokens
        if self.area:
            rows, columns = _within_area(size, self.patch * self.merge, *self.area)
            return rows * columns * self.merge**2, rows * columns
        rows, columns = _on_canvas(size, self.patch, self.canvas or size)
        return rows * columns, rows * (columns + 1)  # a token ends each row


def square_grid(vision: Any) -> Grid:
    """Rows, columns of patches of the square image that a vision config's learned positions are made for."""
    side = vision.image_size // vision.patch_size
    return side, side


def scaled_size(size: Size, longer_side: int | None) -> Size:
    """The size of an image whose longer side is brought to `longer_side` pixels before its processor."""
    if longer_side is None:
        return size
    scale = longer_side / max(size)
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def _within_area(size: Size, step: int, least: int, most: int) -> tuple[int, int]:
    """Rows, columns of merged patches, as smart_resize of transformers' Qwen2-VL image processor scales."""
    width, height = size
    rows, columns = round(height / step), round(width / step)
    pixels = rows * columns * step**2
    if pixels > most:
        scale = math.sqrt(width * height / most)
        return max(1, math.floor(height / scale / step)), max(1, math.floor(width / scale / step))
    if pixels < least:
        scale = math.sqrt(least / (width * height))
        return math.ceil(height * scale / step), math.ceil(width * scale / step)
    return rows, columns


def _on_canvas(size: Size, patch: int, canvas: Size) -> tuple[int, int]:
    """Rows, columns of patches, the last ones filled up."""
    width, height = size
    scale = min(1.0, canvas[0] / width, canvas[1] / height)
    return math.ceil(int(height * scale) / patch), math.ceil(int(width * scale) / patch)
