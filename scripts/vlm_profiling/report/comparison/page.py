"""A comparison in words: what a terminal shows, and the same as a page in Markdown."""

from __future__ import annotations

import math
import textwrap
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from vlm_profiling.metrics.estimate import PERCENT, SECONDS, Estimate, Unit, best_unit
from vlm_profiling.record.absent import Absent
from vlm_profiling.report.comparison.comparison import (
    QUANTITIES,
    WORDS,
    Comparison,
    Pair,
    Quantity,
    other_work,
)
from vlm_profiling.report.markdown import escape_markdown, table
from vlm_profiling.report.pages.tables import NOTHING, show
from vlm_profiling.report.words import settings
from vlm_profiling.tables.row import RunRow

TITLES: dict[Quantity, str] = {
    "latency": "Latency, % of before",
    "energy": "Energy a sample, %",
    "memory": "Allocated at peak, %",
    "quality": "Quality, change in points",
}
PLACE = 3
"""Columns that tell where a row stands."""
LISTED = 30
"""Differences and notes listed one by one."""

Text = Callable[[str], str]
"""What is done to text that is not ours."""


def printable(text: str) -> str:
    """Text for a terminal: what could steer it is replaced."""
    return "".join(mark if mark.isprintable() else "\ufffd" for mark in text)


def comparison_lines(comparison: Comparison) -> Iterator[str]:
    """What a terminal shows, line by line."""
    rows = _rows(comparison, printable, lambda cell: cell.point.label, intervals=False)
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        yield "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip()
    for title, lines in _sections(comparison, printable):
        yield ""
        yield from ([f"{title}:", *(f"  {line}" for line in lines)] if title else lines)


def comparison_page(comparison: Comparison, chart: str) -> str:
    """The page; `chart` is the relative path of its image."""
    rows = _rows(
        comparison, escape_markdown, lambda cell: escape_markdown(settings(cell.point)), intervals=True
    )
    parts = [
        f"# {escape_markdown(comparison.title)}",
        "Each cell against the same cell before: model, data set and settings.",
    ]
    for title, lines in _sections(comparison, escape_markdown):
        parts += [f"## {title}"] if title else []
        parts += ["\n".join(f"- {line}" for line in lines)]
    parts += [f"![Latency of each cell after over before, with its interval and the noise band]({chart})"]
    parts += ["## Cell by cell", table(rows[0], rows[1:], text_columns=PLACE), *_READING]
    return "\n\n".join(parts) + "\n"


_READING = (
    "Latency is the mean time of `generate()` for a full batch; its ratio is taken batch by batch where both sides ran the same "
    "samples in the same batches. Brackets hold 95 % intervals: of latency and quality over samples, of energy the meters' "
    "uncertainty. The word beside a ratio also hears how far both runs' own repeats moved with nothing changed: slower, hungrier "
    "or larger and faster, thriftier or smaller only where these do not explain it, same where a change of more than 5 % is "
    "excluded, else ambiguous. Quality is the data set's own metric (else exact match) on the same samples.",
    "Of a hundred cells a few differ by chance alone. What is told *beyond chance* stands out from all comparisons judged "
    "together: any of them does so by chance in at most 5 % of such pairs of folders (Holm's step-down; no run is taken for "
    "quieter than the runs of its machine are together). An exit code speaks of these only, among the quantities that it was "
    "asked for.",
)


def _rows(
    comparison: Comparison, text: Text, point: Callable[[RunRow], str], *, intervals: bool
) -> list[list[str]]:
    unit = best_unit(
        SECONDS,
        [side.cell.estimate("generate_s") for pair in comparison.pairs for side in (pair.before, pair.after)],
    )
    header = ["Model", "Data set", "Settings", f"Before ({unit.name})", f"After ({unit.name})"]
    rows = [[*header, *(TITLES[quantity] for quantity in QUANTITIES), "Answers kept"]]
    for pair in comparison.pairs:
        cells = pair.before.cell, pair.after.cell
        name = point(cells[0])
        if cells[0].optimization != cells[1].optimization:
            name += text(f" ({cells[0].optimization} → {cells[1].optimization})")
        latencies = [_latency(cell, unit, text, intervals=intervals) for cell in cells]
        effects = [
            show(pair.effects[quantity].entry, PERCENT) if pair.effects else NOTHING
            for quantity in QUANTITIES
        ]
        kept = "{} of {}".format(*pair.same_answers) if pair.effects else NOTHING
        rows.append([text(cells[0].model), text(cells[0].dataset), name, *latencies, *effects, kept])
    return rows


def _latency(cell: RunRow, unit: Unit, text: Text, *, intervals: bool) -> str:
    """Without intervals also reasons are kept short."""
    entry = cell.estimate("generate_s")
    if isinstance(entry, Absent):
        reason = f"{entry.status}: {entry.reason}" if entry.status else entry.reason
        return text(reason if intervals else textwrap.shorten(reason, 40, placeholder="…"))
    return show(entry if intervals else replace(entry, interval=None), unit)


def _sections(comparison: Comparison, text: Text) -> Iterator[tuple[str, list[str]]]:
    """Title and lines of what stands around the table."""
    yield (
        "",
        [
            _counts(comparison),
            *(_of_quantity(comparison, quantity, text) for quantity in QUANTITIES),
            _sure(comparison),
        ],
    )
    changes = [
        f"{text(name)}: {text(old)} → {text(new)} ({count} {'cell' if count == 1 else 'cells'})"
        for (name, old, new), count in comparison.differences.items()
    ]
    yield "What differs between the sides", _first(changes) or ["nothing that the records tell"]
    notes = [
        f"{side.name}: {note}"
        for side in (comparison.before, comparison.after)
        for note in dict.fromkeys(side.notes)
    ]
    worked = [pair for pair in comparison.pairs if other_work(pair)]
    if worked:
        first = worked[0]
        tokens = [_tokens(side.cell) for side in (first.before, first.after)]
        notes.append(
            f"{len(worked)} cells read or wrote other numbers of tokens, so their latencies are of other work: "
            f"{first.before.cell.model} {tokens[0]} → {tokens[1]}, mean of a sample"
        )
    if notes:
        yield "To know", _first([text(note) for note in notes])


def _counts(comparison: Comparison) -> str:
    outcomes = Counter(pair.outcome for pair in comparison.pairs)
    words = {
        "compared": "compared",
        "lost": "lost their figures",
        "gained": "gained figures",
        "neither": "have none on either side",
    }
    told = ", ".join(f"{outcomes[name]} {word}" for name, word in words.items() if outcomes[name])
    alone = " and ".join(
        f"{count} {side}" for count, side in zip(comparison.alone, ("before", "after"), strict=True) if count
    )
    return (
        f"{len(comparison.pairs)} {'cell' if len(comparison.pairs) == 1 else 'cells'} on both sides: {told}."
        + (f" On one side alone: {alone}." if alone else "")
    )


def _of_quantity(comparison: Comparison, quantity: Quantity, text: Text) -> str:
    entries = [pair.effects[quantity].entry for pair in comparison.pairs if pair.effects]
    figures = [entry for entry in entries if isinstance(entry, Estimate)]
    title = quantity.capitalize()
    if not figures:
        reasons = dict.fromkeys(entry.reason for entry in entries if isinstance(entry, Absent))
        return f"{title}: nothing to compare" + (f" ({text('; '.join(reasons))})" if reasons else "") + "."
    verdicts = Counter(figure.verdict or "without a verdict" for figure in figures)
    told = ", ".join(f"{count} {word}" for word, count in verdicts.most_common())
    values = [figure.value for figure in figures]
    if quantity == "quality":
        return f"{title}: {told}; changes from {100 * min(values):+.1f} to {100 * max(values):+.1f} points."
    mean = math.exp(math.fsum(map(math.log, values)) / len(values)) if min(values) > 0 else math.nan
    return f"{title}: {told}; {100 * mean:.1f} % of before (geometric mean; {100 * min(values):.1f} to {100 * max(values):.1f} %)."


def _sure(comparison: Comparison) -> str:
    words = {word for quantity in QUANTITIES for word in WORDS[quantity].values()} - {"ambiguous"}
    counts = Counter(word for _, word in comparison.failures(sorted(words)))
    told = ", ".join(f"{count} {word}" for word, count in counts.most_common())
    return f"Beyond chance, all cells together: {told or 'no change'}."


def _tokens(cell: RunRow) -> str:
    return f"{cell.prompt_tokens_mean:.1f} read and {cell.generated_tokens_mean:.1f} written"


def _first(lines: Sequence[str]) -> list[str]:
    more = [f"and {len(lines) - LISTED} more"] if len(lines) > LISTED else []
    return [*lines[:LISTED], *more]


def failure_line(pair: Pair, word: str) -> str:
    """One line on a cell that an exit code speaks of."""
    cell = pair.after.cell
    return printable(f"{word}: {cell.model} on {cell.dataset}, {settings(cell.point)}")
