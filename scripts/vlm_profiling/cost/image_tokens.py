"""How many patches and prompt tokens an image becomes, from its size alone: light, no torch."""

from __future__ import annotations

import math

from msgspec import Struct, structs

Size = tuple[int, int]
"""Width, height in pixels."""


class Images(Struct, kw_only=True, frozen=True, omit_defaults=True):
    """How a model's processor cuts images. Exactly one of grid, area and canvas is set."""

    grid: tuple[int, int] | None = None
    """Rows, columns of patches of every image: the processor brings all to one size."""
    area: tuple[int, int] | None = None
    """Pixels at least and at most that an image is scaled to, its sides multiples of patch x merge
    (Qwen2-VL).
    """
    canvas: Size | None = None
    """An image larger than this is made to fit into it; its patches need not be whole (Fuyu)."""
    patch: int = 0
    """Side of a patch in pixels; unused with a fixed grid."""
    merge: int = 1
    """Patches along a side that become one token."""
    tokens: int = 0
    """Prompt tokens of every image; used with a grid."""
    tokens_a_patch: int | None = None
    """Further prompt tokens of each patch beyond the grid's, where `image_size` sets the grid by
    interpolating positions; null where it does not."""
    frames: int = 1
    """Frames of a video that are cut as one image and take its tokens; 1 where each frame is an image of the
    prompt.
    """

    def asked(self, image_size: int | None) -> Images:
        """How images are cut when a point asks for this image size."""
        if self.grid is None or self.tokens_a_patch is None or image_size is None:
            return self
        side = image_size // self.patch
        more = side**2 - math.prod(self.grid)
        return structs.replace(self, grid=(side, side), tokens=self.tokens + self.tokens_a_patch * more)

    def of(self, size: Size) -> tuple[int, int]:
        """Patches and prompt tokens of an image."""
        if self.grid:
            return math.prod(self.grid), self.tokens
        if self.area:
            rows, columns = _within_area(size, self.patch * self.merge, *self.area)
            return rows * columns * self.merge**2, rows * columns
        rows, columns = _on_canvas(size, self.patch, self.canvas or size)
        return rows * columns, rows * (columns + 1)  # a token ends each row


def fitted(size: Size, longer_side: int | None) -> Size:
    """The size of an image whose longer side is brought to so many pixels before the processor sees it."""
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
