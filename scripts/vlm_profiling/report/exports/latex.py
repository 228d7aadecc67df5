"""Chosen columns of the table of runs as a LaTeX table, with intervals where columns have them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import polars as pl

from vlm_profiling.errors import VlmError
from vlm_profiling.study.errors import allowed_names
from vlm_profiling.tables.findings import Finding
from vlm_profiling.tables.identity import RunKey

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
KINDS = {
    "latency": ("generate_mean", "generate_per_sample", "end_to_end", "samples_per_s", "output_tokens_per_s"),
    "stages": ("ttft", "tpot", "stages_"),
    "energy": ("energy_",),
    "flops": (
        "batch_flops",
        "batch_vision",
        "batch_project",
        "batch_prefill",
        "batch_decode",
        "padding_share",
    ),
    "memory": ("peak_",),
    "quality": ("wer", "exact_match", "standard_", "bleu_4", "rouge_l"),
}
"""Kinds of figures that audits mark, by the beginnings of their columns' names."""
_JOULES = re.compile("energy_(gpu|cpu)_(?:gross|per_sample|per_token)_j")
"""Joules whose uncertainty is the meter's."""
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
    flags: Mapping[RunKey, Sequence[Finding]],
    *,
    siunitx: bool = False,
) -> str:
    """A booktabs table, one row a run. Four significant digits; a 95 % interval in brackets behind a figure
    that has one.

    A run without figures has its status in the first column that holds none of it; a dagger marks a figure
    that an audit in `doubts` failed. With `siunitx` numbers stand in \\num{}. Raises ColumnError for an
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
    flags: Mapping[RunKey, Sequence[Finding]],
    audits: dict[str, None],
    *,
    siunitx: bool,
) -> list[str]:
    """A run's row. Names of audits that marked a figure of it are added to `audits`."""
    findings = flags.get((run["model"], run["dataset"], run["key"]), ())
    cells, told = [], run["status"] == "ok"
    for column in columns:
        value = run[column]
        if value is None and not told:
            cells.append(escape_latex(run["status"]))
            told = True
        elif value is None:
            cells.append(NOTHING)
        elif isinstance(value, bool) or not isinstance(value, int | float):
            cells.append(escape_latex(str(value)))
        else:
            failed = [finding.audit for finding in findings if _kind(column) in finding.marks]
            audits |= dict.fromkeys(failed)
            interval = ", ".join(_number(bound, siunitx) for bound in _bounds(run, column, value))
            cells.append(
                _number(value, siunitx) + (f" [{interval}]" if interval else "") + (MARK if failed else "")
            )
    return cells


def _kind(column: str) -> str | None:
    """The kind of figures that a column belongs to, as audits call it."""
    return next((kind for kind, beginnings in KINDS.items() if column.startswith(beginnings)), None)


def _bounds(run: Mapping[str, Any], column: str, value: float) -> list[float]:
    """The ends of the interval of a mean of times, a score or a rate, or of joules by their meter; nothing
    without one.
    """
    if joules := _JOULES.fullmatch(column):
        uncertainty = run.get(f"energy_{joules[1]}_relative_uncertainty")
        return [] if uncertainty is None else [value * (1 - uncertainty), value * (1 + uncertainty)]
    if column.endswith("_mean_s"):
        stem = column.removesuffix("_mean_s")
        names = (f"{stem}_sampling_low_s", f"{stem}_sampling_high_s")
    else:
        stem = column.removesuffix("_value")
        names = (f"{stem}_interval_low", f"{stem}_interval_high")
    bounds = [bound for name in names if isinstance(bound := run.get(name), float)]
    return bounds if len(bounds) == 2 else []


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
