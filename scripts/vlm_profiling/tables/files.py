"""The files of the tables."""

from __future__ import annotations

TABLES = ("runs", "samples", "stages", "layers")
"""Those merged from the records."""
TABLES_README = "README.md"
"""What every column of every table contains."""
TABLE_ENDINGS = (".parquet", ".csv")
