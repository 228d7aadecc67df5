"""What charts and pages call the settings of the grid."""

from __future__ import annotations

from vlm_profiling.study import Point
from vlm_profiling.study.axes import AXES
from vlm_profiling.study.point import AXIS_NAMES

INTERVAL = "95\u00a0% interval"
"""Never broken between number and sign."""


def value_label(axis: str, value: object) -> str:
    """A value of an axis in words."""
    return AXES[axis].unset if value is None else str(value)


def settings(point: Point, without: str | None = None) -> str:
    """The settings of a point in one line, leaving out the one that a chart or table varies."""
    words = [
        _setting(axis, value) for axis, value in zip(AXIS_NAMES, point.values, strict=True) if axis != without
    ]
    return ", ".join(word for word in words if word)


def _setting(axis: str, value: object) -> str:
    declared = AXES[axis]
    if value is None:
        return declared.at_unset
    return "" if value == declared.usual else declared.at.format(value)
