"""Chosen columns of the table of runs as a LaTeX table, with intervals where columns have them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import polars as pl

from vlm_profiling.errors import VlmError
from vlm_profiling.metrics.catalog import kind_of, metric_of
from vlm_profiling.metrics.estimate import Estimate
from vlm_profiling.metrics.metric import distribution_columns, interval_columns
from vlm_profiling.study.errors import allowed_names
from vlm_profiling.tables.identity import RunKey
from vlm_profiling.tables.part_rows import FindingRow
from vlm_profiling.tables.row import read_estimate

UNITS = {
    "_per_s": "1/s",
    "_s": "s",
    "_j": "J",
    "_w": "W",
    "_bytes": "B",
    "_flops": "FLOP",
    "_mhz": "MHz",
    "_c": r"$^{\circ}$C",
}
"""By the ending of a column's name; the first that fits counts."""
MARK = r"$^{\dagger}$"
TEXT = ("model", "dataset", "device", "optimization")
"""Columns set to the left."""
_SPECIAL = {mark: f"\\{mark}" for mark in "&%$#_{}"} | {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedbl{}",
}
_ESCAPES = str.maketrans(_SPECIAL)
NOTHING = "--"


class ColumnError(VlmError):
    """A column that the table does not have; the message names the nearest ones."""


def latex_table(
    runs: pl.DataFrame,
    columns: Sequence[str],
    flags: Mapping[RunKey, Sequence[FindingRow]],
    *,
    siunitx: bool = False,
) -> str:
    """A booktabs table, one row a run. Four significant digits; a 95 % interval in brackets behind a figure
    that has one.

    A run without figures has its status in the first column that holds none of it; a dagger marks a figure
    that an audit in `flags` failed. With `siunitx` numbers are in \\num{}. Raises ColumnError for an
    unknown column.
    """
    for column in columns:
        if column not in runs.columns:
            raise ColumnError(f"unknown column {column!r}; {allowed_names(runs.columns, column)}")
    audits: dict[str, None] = {}
    rows = [_cells(run, columns, flags, audits, siunitx=siunitx) for run in runs.iter_rows(named=True)]
    layout = "".join("l" if column in TEXT or runs.schema[column] == pl.String else "r" for column in columns)
    notes = f"% needs \\usepackage{{booktabs{', siunitx' if siunitx else ''}}}; brackets: 95 % intervals"
    if audits:
        notes += f"; dagger: an audit failed this figure ({', '.join(audits)})"
    lines = [
        notes,
        f"\\begin{{tabular}}{{{layout}}}",
        r"\toprule",
        _row(heading(column) for column in columns),
        r"\midrule",
        *map(_row, rows),
        r"\bottomrule",
        r"\end{tabular}",
    ]
    return "\n".join(lines) + "\n"


def escape_latex(text: str) -> str:
    """Text that LaTeX prints as it is, on one line."""
    return " ".join(text.split()).translate(_ESCAPES)


def heading(column: str) -> str:
    """A column's name in words, with the unit that it ends in: generate_mean_s is "generate mean (s)"."""
    ending = next((ending for ending in UNITS if column.endswith(ending)), None)
    if ending is None:
        return escape_latex(column.replace("_", " "))
    return f"{escape_latex(column.removesuffix(ending).replace('_', ' '))} ({UNITS[ending]})"


def _cells(
    run: Mapping[str, Any],
    columns: Sequence[str],
    flags: Mapping[RunKey, Sequence[FindingRow]],
    audits: dict[str, None],
    *,
    siunitx: bool,
) -> list[str]:
    """A run's row. Names of audits that marked a figure of it are added to `audits`."""
    findings = flags.get((run["model"], run["dataset"], run["key"]), ())
    cells, explained = [], run["status"] == "ok"
    for column in columns:
        value = run[column]
        if value is None and not explained:
            cells.append(escape_latex(run["status"]))
            explained = True
        elif value is None:
            cells.append(NOTHING)
        elif isinstance(value, bool) or not isinstance(value, int | float):
            cells.append(escape_latex(str(value)))
        else:
            failed = [finding.audit for finding in findings if kind_of(column) in finding.marks]
            audits |= dict.fromkeys(failed)
            interval = ", ".join(_number(bound, siunitx) for bound in _bounds(run, column))
            cells.append(
                _number(value, siunitx) + (f" [{interval}]" if interval else "") + (MARK if failed else "")
            )
    return cells


def _bounds(run: Mapping[str, Any], column: str) -> tuple[float, ...]:
    """The ends of the interval of a figure; nothing without one."""
    metric = metric_of(column)
    if metric is None:
        stem = column.removesuffix("_mean_s")
        columns = interval_columns(column) if stem == column else distribution_columns(stem)
    elif metric.cpu_columns and metric.cpu_columns.value == column:
        columns = metric.cpu_columns
    else:
        columns = replace(metric.columns, only=None)
    entry = read_estimate(columns, defaultdict(lambda: None, run))
    return (entry.interval or ()) if isinstance(entry, Estimate) else ()


def _number(value: float, siunitx: bool) -> str:
    """Four significant digits; integers up to six digits as they are."""
    text = str(value) if isinstance(value, int) and abs(value) < 1_000_000 else f"{value:#.4g}".rstrip(".")
    if siunitx:
        return f"\\num{{{text}}}"
    mantissa, mark, exponent = text.partition("e")
    return (
        f"${mantissa} \\times 10^{{{int(exponent)}}}$"
        if mark
        else f"${text}$"
        if text.startswith("-")
        else text
    )


def _row(cells: Iterable[str]) -> str:
    return " & ".join(cells) + r" \\"
