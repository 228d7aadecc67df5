"""The table of findings: one row per audit and run, as Parquet and CSV."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import polars as pl
from msgspec.structs import asdict

from vlm_profiling.audits.base import Finding
from vlm_profiling.audits.registry import AUDITS
from vlm_profiling.record.files import atomic_path
from vlm_profiling.study import Run
from vlm_profiling.study.point import AXIS_NAMES, is_number

SCHEMA = {
    "model": pl.String,
    "dataset": pl.String,
    **{name: pl.Int64 if is_number(name) else pl.String for name in AXIS_NAMES},
    "key": pl.String,
    "audit": pl.String,
    "asks": pl.String,
    "verdict": pl.String,
    "figures": pl.String,
    "evidence": pl.String,
}
"""Columns: where the run stands, what was asked, the answer, and the figures of the run it marks
(comma-separated).
"""


def write_findings(findings: Iterable[tuple[Run, Finding]], output: Path) -> Counter[str]:
    """Write audits.parquet and audits.csv to a folder; returns how many findings have each verdict."""
    asks = {audit.name: audit.asks for audit in AUDITS}
    rows = [
        {
            "model": run.model,
            "dataset": run.dataset,
            **asdict(run.point),
            "key": run.key,
            "audit": finding.audit,
            "asks": asks[finding.audit],
            "verdict": finding.verdict,
            "figures": ",".join(finding.figures) or None,
            "evidence": finding.evidence,
        }
        for run, finding in findings
    ]
    table = pl.DataFrame(rows, schema=SCHEMA)
    with atomic_path(output / "audits.parquet") as path:
        table.write_parquet(path)
    with atomic_path(output / "audits.csv") as path:
        table.write_csv(path)
    return Counter(row["verdict"] for row in rows)
