"""A table that cannot be read is named in one line, with the cure where other code wrote it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import polars as pl

from vlm_profiling.record.files import RecordError


@contextmanager
def reading_table(path: Path) -> Iterator[None]:
    """Raise RecordError for whatever keeps the block from reading the table at `path`: missing, damaged, or
    of other code.
    """
    try:
        yield
    except pl.exceptions.ColumnNotFoundError as error:
        told = str(error).partition(";")[0]
        raise RecordError(
            f"{path}: {told}: the table was written by other code; merge the records again"
        ) from None
    except (OSError, pl.exceptions.PolarsError) as error:
        raise RecordError(f"{path}: {str(error).partition(chr(10))[0]}") from None
