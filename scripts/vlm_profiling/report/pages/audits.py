"""What the audits found, for the pages: each audit with its verdicts and evidence, and every warning and
failure.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from vlm_profiling.report.markdown import escape_markdown, table
from vlm_profiling.report.words import settings
from vlm_profiling.tables.findings import Finding

WORST_FIRST = ("fail", "warn", "pass", "not applicable")
LISTED = 50
"""Rows of findings; the table of audits holds all."""


def audits_table(findings: Sequence[Finding]) -> str:
    """One row an audit: what it asks, how many runs have which verdict, and the evidence of the first of the
    worst.
    """
    rows = []
    for audit in dict.fromkeys(finding.audit for finding in findings):
        own = [finding for finding in findings if finding.audit == audit]
        worst = min(own, key=lambda finding: WORST_FIRST.index(finding.verdict))
        rows.append([audit, worst.asks, verdict_counts(own), escape_markdown(worst.evidence)])
    return table(
        ["Audit", "What it asks", "Runs", "Evidence, of the first run with the worst verdict"],
        rows,
        text_columns=4,
    )


def concerns_table(findings: Sequence[Finding]) -> str:
    """Failures, then warnings; runs with the same evidence share a row. Empty where there are none."""
    concerns: dict[tuple[str, ...], list[Finding]] = {}
    for verdict in WORST_FIRST[:2]:
        for finding in findings:
            if finding.verdict == verdict:
                concerns.setdefault((verdict, finding.audit, finding.evidence), []).append(finding)
    if not concerns:
        return ""
    rows = [_concern(alike) for alike in list(concerns.values())[:LISTED]]
    more = f"\n\nAnd {len(concerns) - LISTED} more, in the table of audits." if len(concerns) > LISTED else ""
    return (
        table(["Verdict", "Audit", "Data set", "Settings", "Figures", "Evidence"], rows, text_columns=6)
        + more
    )


def _concern(alike: Sequence[Finding]) -> list[str]:
    first = alike[0]
    others = f" and {len(alike) - 1} more" if len(alike) > 1 else ""
    return [
        f"**{first.verdict}**",
        first.audit,
        escape_markdown(first.dataset),
        escape_markdown(settings(first.point)) + others,
        ", ".join(first.marks),
        escape_markdown(first.evidence),
    ]


def verdict_counts(findings: Sequence[Finding]) -> str:
    """How many findings have which verdict, worst first: 1 fail, 12 pass."""
    counts = Counter(finding.verdict for finding in findings)
    return ", ".join(f"{counts[verdict]} {verdict}" for verdict in WORST_FIRST if counts[verdict])
