"""What charts and pages call the settings of the grid."""

from __future__ import annotations

from vlm_profiling.study import Point

AXIS_TITLES = {
    "device": "Device",
    "optimization": "Optimization",
    "batch_size": "Batch size (samples)",
    "image_size": "Image size asked (px)",
    "max_input_len": "Longest user text (tokens)",
    "frames": "Frames",
}
"""Titles of axes, with units."""

AXIS_NAMES = {
    "device": "device",
    "batch_size": "batch size",
    "image_size": "image size",
    "max_input_len": "input length",
    "frames": "frames",
    "optimization": "optimization",
}
"""Short names, in the order of the sections of a page."""

INTERVAL = "95\u00a0% interval"
"""Never broken between number and sign."""

_NULL_VALUES = {"image_size": "model's own", "max_input_len": "no limit"}


def value_label(axis: str, value: object) -> str:
    """A value of an axis in words."""
    return _NULL_VALUES[axis] if value is None else str(value)


def settings(point: Point, without: str | None = None) -> str:
    """The settings of a point in one line, leaving out the one that a chart or table varies."""
    words = {
        "device": point.device,
        "optimization": point.optimization,
        "batch_size": f"batch size {point.batch_size}",
        "image_size": "the model's own image size" if point.image_size is None else f"image size {point.image_size}",
        "max_input_len": "no input limit" if point.max_input_len is None else f"input length {point.max_input_len}",
        "frames": f"{point.frames} frames" if point.frames > 1 else "",
    }
    return ", ".join(text for axis, text in words.items() if axis != without and text)
