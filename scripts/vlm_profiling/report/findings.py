"""Rows of the table of audits as typed findings."""

from __future__ import annotations

from pathlib import Path

import msgspec
import polars as pl
from msgspec import Struct

from vlm_profiling.record.files import RecordError
from vlm_profiling.study import Point


class Finding(Struct, kw_only=True):
    """One audit of one run: the columns of audits.parquet."""

    model: str
    dataset: str
    device: str
    optimization: str
    batch_size: int
    image_size: int | None
    max_input_len: int | None
    frames: int
    key: str
    audit: str
    asks: str
    verdict: str
    """not applicable, pass, warn or fail."""
    figures: str | None
    """Kinds of figures that it marks, comma-separated."""
    evidence: str
    """One line, untrusted text."""

    @property
    def point(self) -> Point:
        """Where in the grid the run stands."""
        return Point(self.device, self.optimization, self.batch_size, self.image_size, self.max_input_len, self.frames)

    @property
    def marks(self) -> list[str]:
        """The kinds of figures that it marks."""
        return self.figures.split(",") if self.figures else []


def read_findings(tables: Path) -> list[Finding]:
    """All findings of a study, in the order of its runs. Raises RecordError when there is no such table."""
    path = tables / "audits.parquet"
    try:
        table = pl.read_parquet(path, columns=list(Finding.__struct_fields__))
    except (OSError, pl.exceptions.PolarsError) as error:
        raise RecordError(f"{path}: {error}") from None
    return msgspec.convert(table.to_dicts(), list[Finding])
