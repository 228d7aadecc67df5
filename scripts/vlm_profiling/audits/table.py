"""The table of findings: one row per audit and run, as Parquet and CSV."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import polars as pl

from vlm_profiling.audits.base import Finding
from vlm_profiling.audits.registry import AUDITS
from vlm_profiling.study import Run
from vlm_profiling.tables.identity import identity_columns
from vlm_profiling.tables.table_files import write_table


def write_findings(findings: Iterable[tuple[Run, Finding]], output: Path) -> Counter[str]:
    """Write audits.parquet and audits.csv to a folder; returns the number of findings by verdict."""
    asks = {audit.name: audit.asks for audit in AUDITS}
    pairs = list(findings)
    columns = {
        "audit": [finding.audit for _, finding in pairs],
        "asks": [asks[finding.audit] for _, finding in pairs],
        "verdict": [finding.verdict for _, finding in pairs],
        "figures": [",".join(finding.figures) or None for _, finding in pairs],
        "evidence": [finding.evidence for _, finding in pairs],
    }
    texts = (pl.Series(name, values, pl.String) for name, values in columns.items())
    write_table(pl.DataFrame([*identity_columns([run for run, _ in pairs]), *texts]), output, "audits")
    return Counter(finding.verdict for _, finding in pairs)
