"""The tables on disk: each is written as Parquet and CSV, and read from the Parquet."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import polars as pl

from vlm_profiling.record.files import RecordError, atomic_path


def write_table(table: pl.DataFrame, folder: Path, name: str) -> None:
    """Write NAME.parquet and NAME.csv to a folder."""
    with atomic_path(folder / f"{name}.parquet") as path:
        table.write_parquet(path)
    with atomic_path(folder / f"{name}.csv") as path:
        table.write_csv(path)


def read_table(folder: Path, name: str, columns: Sequence[str] | None = None) -> pl.DataFrame:
    """A table, or some of its columns. Raises RecordError where it is missing, damaged, or lacks a column."""
    path = folder / f"{name}.parquet"
    with reading_table(path):
        return pl.read_parquet(path, columns=None if columns is None else list(columns))


@contextmanager
def reading_table(path: Path) -> Iterator[None]:
    """Raise RecordError for whatever prevents the block from reading the table at `path`."""
    try:
        yield
    except pl.exceptions.ColumnNotFoundError as error:
        column = str(error).partition(";")[0]
        raise RecordError(
            f"{path}: {column}: the table was written by other code; merge the records again"
        ) from None
    except (OSError, pl.exceptions.PolarsError) as error:
        raise RecordError(f"{path}: {str(error).partition(chr(10))[0]}") from None
