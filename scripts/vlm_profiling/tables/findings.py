"""Rows of the table of audits as typed findings."""

from __future__ import annotations

from pathlib import Path

import msgspec
import polars as pl

from vlm_profiling.tables.identity import IdentifiedRow
from vlm_profiling.tables.table_files import reading_table


class Finding(IdentifiedRow, frozen=True, kw_only=True):
    """One audit of one run: the columns of audits.parquet."""

    audit: str
    asks: str
    verdict: str
    """not applicable, pass, warn or fail."""
    figures: str | None
    """Kinds of figures that it marks, comma-separated."""
    evidence: str
    """One line, untrusted text."""

    @property
    def marks(self) -> list[str]:
        """The kinds of figures that it marks."""
        return self.figures.split(",") if self.figures else []


def read_findings(tables: Path) -> list[Finding]:
    """All findings of a study, in the order of its runs. Raises RecordError when there is no such table."""
    path = tables / "audits.parquet"
    with reading_table(path):
        table = pl.read_parquet(path, columns=list(Finding.__struct_fields__))
    return msgspec.convert(table.to_dicts(), list[Finding])
