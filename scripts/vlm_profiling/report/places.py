"""Where in the grid a row of a table stands: the columns that every table begins with."""

from __future__ import annotations

from typing import TypeAlias

from msgspec import Struct

from vlm_profiling.study import Point

Place: TypeAlias = tuple[str, str, str]
"""Model, data set and key of a run."""


class PlacedRow(Struct, kw_only=True):
    """A row about one run."""

    model: str
    dataset: str
    device: str
    optimization: str
    batch_size: int
    image_size: int | None
    max_input_len: int | None
    prompt_len: int | None
    frames: int
    key: str

    @property
    def place(self) -> Place:
        """What identifies the run in the tables: models of the same settings share keys."""
        return self.model, self.dataset, self.key

    @property
    def point(self) -> Point:
        """Where in the grid the run stands."""
        return Point(*(getattr(self, setting) for setting in Point._fields))
