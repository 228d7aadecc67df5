"""Whether a disturbed study ended with the tables of an undisturbed one, but for what no two runs of a cell
share.
"""

from __future__ import annotations

import re
from pathlib import Path

import polars

DIFFER = re.compile(
    r".*_s|.*_per_s_interval_.*"  # seconds, and what is counted per second
    # Meters, and what the machine does meanwhile.
    r"|.*_(j|w|c|mhz)|(stage_)?energy_(?!absent).*|telemetry_.*|peak_process_bytes"
    r"|started_at|.*_outliers|warmup_.*|passes|repeats_(?!absent).*|share|.*unattributed_share"
    r"|(ttft|tpot|stages_end_to_end)_n|.*against_headline.*|.*instrumentation_overhead.*|layers_coverage|layers_batches"
    # Of the roofline: set against times and measured ceilings.
    r"|ceiling|source|peak_.*_per_s|roof|mfu|mbu|distance|bound"
    # Of an audit: which ones there are is fixed, what noise makes of them is not.
    r"|verdict|figures|evidence"
)
"""Columns that two undisturbed runs of one study need not share. Every other column is the same to the last
bit.
"""


def differences(results: Path, undisturbed: Path) -> list[str]:
    """TABLE.COLUMN for every column that differs and may not, and what is missing on one side."""
    found = []
    tables = {
        path.name for folder in (results, undisturbed) for path in (folder / "tables").glob("*.parquet")
    }
    for name in sorted(tables):
        ours, theirs = (folder / "tables" / name for folder in (results, undisturbed))
        if not ours.is_file() or not theirs.is_file():
            found.append(f"{name} stands on one side only")
        else:
            found += _compare(
                name.removesuffix(".parquet"), polars.read_parquet(ours), polars.read_parquet(theirs)
            )
    return found


def _compare(name: str, ours: polars.DataFrame, theirs: polars.DataFrame) -> list[str]:
    if ours.columns != theirs.columns or ours.height != theirs.height:
        return [f"{name} is {ours.height} x {ours.width}, undisturbed {theirs.height} x {theirs.width}"]
    fixed = [column for column in ours.columns if not DIFFER.fullmatch(column)]
    return [
        f"{name}.{column}" for column in fixed if not ours[column].equals(theirs[column], null_equal=True)
    ]
