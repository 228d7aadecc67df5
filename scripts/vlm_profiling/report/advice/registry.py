"""All hints, and the advice made of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from vlm_profiling.report.advice.base import Hint, Subject
from vlm_profiling.report.advice.other_settings import faster_optimization, larger_batch, smaller_input
from vlm_profiling.report.advice.parts import (
    layer_limits,
    limited_clock,
    padding,
    preparation,
    stage_limits,
)
from vlm_profiling.report.advice.roofline import distance_to_floor, room_for_batches

HINTS: tuple[Callable[[Subject], Iterable[Hint]], ...] = (
    preparation,
    stage_limits,
    layer_limits,
    padding,
    larger_batch,
    faster_optimization,
    smaller_input,
    distance_to_floor,
    room_for_batches,
    limited_clock,
)


def advise(subject: Subject) -> list[Hint]:
    """The hints on a subject, the largest possible gain first."""
    return sorted((hint for find in HINTS for hint in find(subject)), key=lambda hint: -hint.gain)
