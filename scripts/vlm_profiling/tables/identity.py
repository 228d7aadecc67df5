"""Where in the grid a row of a table stands: the columns that every table begins with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import polars as pl
from msgspec import Struct

from vlm_profiling.study import Point, Run
from vlm_profiling.study.axes import AXIS_INFO

RunKey: TypeAlias = tuple[str, str, str]
"""Model, data set and key of a run."""


class IdentifiedRow(Struct, kw_only=True):
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
    def place(self) -> RunKey:
        """What identifies the run in the tables: models of the same settings share keys."""
        return self.model, self.dataset, self.key

    @property
    def point(self) -> Point:
        """Where in the grid the run stands."""
        return Point(*(getattr(self, setting) for setting in Point._fields))


def identity_columns(runs: Sequence[Run]) -> list[pl.Series]:
    """The columns that a table begins with. Null: a setting left as it comes."""
    return [
        pl.Series("model", [run.model for run in runs], pl.String),
        pl.Series("dataset", [run.dataset for run in runs], pl.String),
        *(
            pl.Series(name, [getattr(run.point, name) for run in runs], pl.Int64 if axis.size else pl.String)
            for name, axis in AXIS_INFO.items()
        ),
        pl.Series("key", [run.key for run in runs], pl.String),
    ]
