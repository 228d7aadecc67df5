"""The identity of a row: the columns that every table begins with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import polars as pl

from vlm_profiling.study import Point, Run
from vlm_profiling.study.point import AXIS_NAMES, PointSettings, is_number

RunKey: TypeAlias = tuple[str, str, str]
"""Model, data set and key of a run."""


POINT_SCHEMA: dict[str, type[pl.DataType]] = {
    name: pl.Int64 if is_number(name) else pl.String for name in AXIS_NAMES
}
"""Columns of a run's point, one a setting. Null: a setting left as it comes."""


class IdentifiedRow(PointSettings, frozen=True, kw_only=True):
    """A row about one run, with the settings of its point."""

    model: str
    dataset: str
    key: str

    @property
    def place(self) -> RunKey:
        """What identifies the run in the tables: models of the same settings share keys."""
        return self.model, self.dataset, self.key

    @property
    def point(self) -> Point:
        """The point of the run."""
        return Point(**{name: getattr(self, name) for name in AXIS_NAMES})


def identity_columns(runs: Sequence[Run]) -> list[pl.Series]:
    """The columns that a table begins with."""
    return [
        pl.Series("model", [run.model for run in runs], pl.String),
        pl.Series("dataset", [run.dataset for run in runs], pl.String),
        *(
            pl.Series(name, [getattr(run.point, name) for run in runs], kind)
            for name, kind in POINT_SCHEMA.items()
        ),
        pl.Series("key", [run.key for run in runs], pl.String),
    ]
