"""What the audits found: each audit with its verdicts and evidence, and every warning and failure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from vlm_profiling.report.table import Block, Cell, Column, Prose, Table, Tag
from vlm_profiling.report.words import settings
from vlm_profiling.tables.part_rows import FindingRow

WORST_FIRST = ("fail", "warn", "pass", "not applicable")
LISTED = 50
"""Findings listed one by one; the table of audits in files holds all."""


def audits_table(findings: Sequence[FindingRow]) -> Table:
    """A row for each audit: its question, how many runs have which verdict, and evidence of a worst one."""
    titles = ("Audit", "Question", "Verdicts", "Evidence, of the first run with the worst verdict")
    lines: list[list[Cell]] = []
    for audit in dict.fromkeys(finding.audit for finding in findings):
        own = [finding for finding in findings if finding.audit == audit]
        worst = min(own, key=lambda finding: WORST_FIRST.index(finding.verdict))
        lines.append([audit, worst.asks, verdict_counts(own), worst.evidence])
    return Table([Column(title, text=True) for title in titles], lines)


def concerns_blocks(findings: Sequence[FindingRow]) -> list[Block]:
    """Failures, then warnings; runs with the same evidence share a row. Nothing where there are none."""
    concerns: dict[tuple[str, ...], list[FindingRow]] = {}
    for verdict in WORST_FIRST[:2]:
        for finding in findings:
            if finding.verdict == verdict:
                concerns.setdefault((verdict, finding.audit, finding.evidence), []).append(finding)
    if not concerns:
        return []
    titles = ("Verdict", "Audit", "Data set", "Settings", "Metrics flagged", "Evidence")
    lines = [_concern(alike) for alike in list(concerns.values())[:LISTED]]
    table = Table([Column(title, text=True) for title in titles], lines)
    if len(concerns) <= LISTED:
        return [table]
    return [table, Prose(f"And {len(concerns) - LISTED} more, in the table of audits.")]


def _concern(alike: Sequence[FindingRow]) -> list[Cell]:
    first = alike[0]
    others = f" and {len(alike) - 1} more" if len(alike) > 1 else ""
    return [
        Tag(first.verdict),
        first.audit,
        first.dataset,
        settings(first.point) + others,
        ", ".join(first.marks),
        first.evidence,
    ]


def verdict_counts(findings: Sequence[FindingRow]) -> str:
    """How many findings have which verdict, worst first: 1 fail, 12 pass."""
    counts = Counter(finding.verdict for finding in findings)
    return ", ".join(f"{counts[verdict]} {verdict}" for verdict in WORST_FIRST if counts[verdict])
