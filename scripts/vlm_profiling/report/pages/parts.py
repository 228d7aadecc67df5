"""Parts of several pages: columns of metrics over runs, and the notes below their tables."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from vlm_profiling.metrics.catalog import METRICS, STANDARD_METRICS, Metric
from vlm_profiling.metrics.estimate import FLAG, PERCENT, Entry, Estimate, best_unit
from vlm_profiling.record.absent import Absent
from vlm_profiling.report.markdown import escape_markdown, has_status
from vlm_profiling.report.table import Block, Cell, Column, Link, Number, Prose, Table, any_estimate
from vlm_profiling.tables.row import RunRow

HOW_TO_READ = "[how to read these pages](index.md#how-to-read-these-pages)"
"""Leads to the section of the landing page with the definitions."""
LISTED = 100
"""Runs listed one by one; the tables in files hold all."""
LATENCY = METRICS["generate_s"]
WITH_N = ("generate_s", "wer", "exact_match")
"""Metrics whose n is printed with the estimate."""
ABOUT_VERDICTS = (
    "The verdict on a ratio of latencies takes both the sampling interval and the noise between repetitions "
    "into account: it is *better* (lower) or *worse* (higher) only where these two do not explain the "
    "difference, *same* where a difference of more than 5 % is excluded, and *ambiguous* otherwise."
)


def back_to_index() -> Prose:
    """Links to the landing page and to its definitions."""
    return Prose(f"Back to [all models](index.md); {HOW_TO_READ}.")


def linked_model(row: RunRow) -> Link:
    """A model's name, leading to its page, with its GPUs where the run used several."""
    return Link(row.model, f"{row.model}.md", f"({row.gpus} GPUs)" if row.gpus > 1 else "")


def listed(make: Callable[[Sequence[RunRow]], list[Block]], rows: Sequence[RunRow]) -> list[Block]:
    """The blocks of the first runs, and how many more there are; nothing for none."""
    if not rows:
        return []
    more = [Prose(f"And {len(rows) - LISTED} more, in the table of runs.")] if len(rows) > LISTED else []
    return [*make(rows[:LISTED]), *more]


def metrics_present(ids: Sequence[str], rows: Sequence[RunRow]) -> list[Metric]:
    """The metrics that at least one run has an estimate of."""
    return [METRICS[name] for name in ids if any_estimate(row.estimate(name) for row in rows)]


def quality_metrics(rows: Sequence[RunRow]) -> list[Metric]:
    """WER and exact match, and the standard metrics of data sets that at least one run has."""
    return [METRICS["wer"], METRICS["exact_match"], *metrics_present(STANDARD_METRICS, rows)]


def metric_columns(metrics: Sequence[Metric], rows: Sequence[RunRow]) -> list[tuple[Column, list[Cell]]]:
    """A column for each metric with an estimate, in the unit that suits its largest value.

    Latency always has a column, which also gives the reason why a run has no results.
    """
    columns: list[tuple[Column, list[Cell]]] = []
    for metric in metrics:
        entries = [row.estimate(metric.id) for row in rows]
        if metric is not LATENCY and not any_estimate(entries):
            continue  # the note below the table gives the reason
        unit = best_unit(metric.units, entries)
        cells: list[Cell] = [
            Number(entry, unit, with_n=metric.id in WITH_N, absent="reason" if metric is LATENCY else "dash")
            for entry in entries
        ]
        columns.append((Column(f"{metric.title} ({unit.name})", metric.id), cells))
    return columns


def ratio_column(metric: Metric, ratios: Sequence[Entry]) -> tuple[Column, list[Cell]]:
    """A column of ratios to the first row, in per cent."""
    title = metric.short_title
    words = title if title[1:2].isupper() else title.lower()
    about = "as a share of the first row's value, on the same samples"
    return Column(f"{words[:1].upper()}{words[1:]}, % of the first", metric.id, about), [
        Number(entry, PERCENT) for entry in ratios
    ]


def table_of_columns(columns: Sequence[tuple[Column, Sequence[Cell]]], *, sortable: bool = True) -> Table:
    """A table from its columns."""
    rows = list(zip(*(cells for _, cells in columns), strict=True))
    return Table([column for column, _ in columns], rows, sortable)


def notes_on(rows: Sequence[RunRow], metrics: Sequence[Metric]) -> list[Block]:
    """Below a table: why finished runs lack a metric."""
    reasons: dict[str, dict[str, None]] = {}
    for metric in metrics:
        for row in rows:
            entry = row.estimate(metric.id)
            if isinstance(entry, Absent) and not has_status(entry):
                reasons.setdefault(entry.reason, {})[metric.title] = None
    return [
        Prose(f"No value for {', '.join(titles)}: {escape_markdown(reason)}.", note=True)
        for reason, titles in reasons.items()
    ]


def flag_notes(rows: Sequence[RunRow], metrics: Sequence[Metric]) -> list[Block]:
    """Below a table: each failed audit, and the metrics of the table that it flags."""
    flagged: dict[str, dict[str, None]] = {}
    for row in rows:
        for metric in metrics:
            entry = row.estimate(metric.id)
            for flag in entry.flags if isinstance(entry, Estimate) else ():
                flagged.setdefault(flag, {})[metric.short_title] = None
    return [flag_note(f"{', '.join(titles)}: {flag}") for flag, titles in flagged.items()]


def flag_note(text: str) -> Prose:
    """A note on a failed audit, from untrusted text."""
    return Prose(f"{FLAG} {escape_markdown(text)}.", note=True)


def capital(text: str) -> str:
    """The text, its first letter capital."""
    return text[:1].upper() + text[1:]
