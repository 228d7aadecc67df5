"""A comparison as a page, and as the text that a terminal shows."""

from __future__ import annotations

import math
import textwrap
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace

from vlm_profiling.metrics.estimate import PERCENT, SECONDS, Estimate, best_unit
from vlm_profiling.record.absent import Absent
from vlm_profiling.report.comparison.comparison import (
    QUANTITIES,
    Pair,
    Quantity,
    ResultsComparison,
    other_work,
)
from vlm_profiling.report.markdown import escape_markdown
from vlm_profiling.report.table import (
    NOTHING,
    Block,
    Cell,
    Column,
    Heading,
    Number,
    Page,
    Plot,
    Prose,
    Table,
)
from vlm_profiling.report.words import settings
from vlm_profiling.tables.row import RunRow

COLUMNS = {
    "latency": Column(
        "Latency, % of before", "generate_s", "mean over mean, batch by batch, with its 95 % interval"
    ),
    "energy": Column(
        "Energy per sample, % of before",
        "energy_per_sample_j",
        "over the value before; the interval is what both meters' uncertainties allow",
    ),
    "memory": Column(
        "Allocated at peak, % of before",
        about="most bytes that torch held allocated, over those before: a count, without interval",
    ),
    "quality": Column(
        "Quality, change (points)",
        about="the data set's own metric, else exact match: after minus before, sample by sample",
    ),
}
PLOT_TITLE = "Latency of each run, after over before, with its interval and the noise band"
LISTED = 30
"""Differences and notes listed one by one."""
READING = (
    "Latency is the mean time of `generate()` for a full batch; its ratio is taken batch by batch where both "
    "sides ran the same samples in the same batches. Brackets contain 95 % intervals: of latency and quality "
    "over samples, of energy the meters' uncertainty. The verdict on a ratio takes the interval and the "
    "noise between repetitions of both runs into account: *better* or *worse* only where these do not "
    "explain the difference, *same* where a difference of more than 5 % is excluded, and *ambiguous* "
    "otherwise. Quality is the data set's own metric (else exact match) on the same samples.",
    "Among a hundred runs a few differ by chance alone. A change *beyond chance* stands out from all "
    "comparisons judged together: if nothing had changed, any of them would do so in at most 5 % of such "
    "pairs of folders (Holm's step-down; no run is taken to be less noisy than the runs of its machine are "
    "together). The exit status depends on these changes only, of the quantities given to `--fail-on`.",
)


def comparison_page(comparison: ResultsComparison, chart: str) -> Page:
    """The page; `chart` is the address of its image, relative to the page."""
    blocks: list[Block] = [
        Prose("Each run is compared with the run before it: same model, data set and settings.")
    ]
    for title, lines in _sections(comparison):
        blocks += [Heading(title)] if title else []
        blocks.append(Prose("\n".join(f"- {escape_markdown(line, longest=1000)}" for line in lines)))
    blocks.append(Plot(PLOT_TITLE, chart))
    blocks += [Heading("Run by run"), _table(comparison)]
    return Page(comparison.title, [*blocks, *map(Prose, READING)])


def comparison_lines(comparison: ResultsComparison) -> Iterator[str]:
    """The text for a terminal, line by line."""
    table = _table(comparison, short=True)
    rows = [
        [column.title for column in table.columns],
        *([_words(cell) for cell in row] for row in table.rows),
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        yield "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip()
    for title, lines in _sections(comparison):
        yield ""
        yield from map(printable, [f"{title}:", *(f"  {line}" for line in lines)] if title else lines)


def failure_line(pair: Pair, words: str) -> str:
    """One line on a run that the exit status depends on."""
    row = pair.after.cell
    return printable(f"{words}: {row.model} on {row.dataset}, {settings(row.point)}")


def printable(text: str) -> str:
    """A text for a terminal: characters that could control it are replaced."""
    return "".join(mark if mark.isprintable() else "\ufffd" for mark in text)


def _words(cell: Cell) -> str:
    """A cell of the comparison on a terminal."""
    if isinstance(cell, Number):
        entry = cell.entry
        if isinstance(entry, Estimate):
            return ", ".join([cell.value_text, *cell.details]).replace(", [", " [")
        words = f"{entry.status}: {entry.reason}" if cell.absent == "reason" else NOTHING
        return printable(textwrap.shorten(words, 40, placeholder="…"))
    return printable(str(cell))


def _table(comparison: ResultsComparison, *, short: bool = False) -> Table:
    """A row for each pair; short for a terminal: settings by their label, latencies without intervals."""
    latencies = [
        [side.cell.estimate("generate_s") for side in (pair.before, pair.after)] for pair in comparison.pairs
    ]
    unit = best_unit(SECONDS, [entry for pair in latencies for entry in pair])
    heads = [
        *(Column(title, text=True) for title in ("Model", "Data set", "Settings")),
        *(
            Column(
                f"{title} ({unit.name})", "generate_s", f"on the {number} side, mean with its 95 % interval"
            )
            for title, number in (("Before", "first"), ("After", "second"))
        ),
        *(COLUMNS[quantity] for quantity in QUANTITIES),
        Column("Answers kept", about="answers whose text is the same on both sides, of those asked on both"),
    ]
    lines: list[list[Cell]] = []
    for pair, entries in zip(comparison.pairs, latencies, strict=True):
        before, after = pair.before.cell, pair.after.cell
        name = before.point.label if short else settings(before.point)
        if before.optimization != after.optimization:
            name += f" ({before.optimization} → {after.optimization})"
        if short:
            entries = [
                replace(entry, interval=None) if isinstance(entry, Estimate) else entry for entry in entries
            ]
        effects: list[Cell] = [
            Number(pair.effects[quantity].entry, PERCENT) if pair.effects else NOTHING
            for quantity in QUANTITIES
        ]
        kept = "{} of {}".format(*pair.same_answers) if pair.effects else NOTHING
        times = [Number(entry, unit, absent="reason") for entry in entries]
        lines.append([before.model, before.dataset, name, *times, *effects, kept])
    return Table(heads, lines)


def _sections(comparison: ResultsComparison) -> Iterator[tuple[str, list[str]]]:
    """Title and lines of the text around the table; untrusted."""
    yield (
        "",
        [
            _counts(comparison),
            *(_of_quantity(comparison, quantity) for quantity in QUANTITIES),
            _beyond_chance(comparison),
        ],
    )
    changes = [
        f"{name}: {old} → {new} ({count} {'run' if count == 1 else 'runs'})"
        for (name, old, new), count in comparison.differences.items()
    ]
    yield "What differs between the sides", _first(changes) or ["nothing that is recorded"]
    notes = [
        f"{side.name}: {note}"
        for side in (comparison.before, comparison.after)
        for note in dict.fromkeys(side.notes)
    ]
    worked = [pair for pair in comparison.pairs if other_work(pair)]
    if worked:
        before, after = worked[0].before.cell, worked[0].after.cell
        notes.append(
            f"{len(worked)} runs read or wrote different numbers of tokens, so their latencies are of "
            f"different work: {before.model} {_tokens(before)} → {_tokens(after)}, mean of a sample"
        )
    if notes:
        yield "Notes", _first(notes)


def _counts(comparison: ResultsComparison) -> str:
    outcomes = Counter(pair.outcome for pair in comparison.pairs)
    words = {
        "compared": "compared",
        "lost": "lost their results",
        "gained": "gained results",
        "neither": "without results on either side",
    }
    counts = ", ".join(f"{outcomes[name]} {word}" for name, word in words.items() if outcomes[name])
    alone = " and ".join(
        f"{count} {side}" for count, side in zip(comparison.alone, ("before", "after"), strict=True) if count
    )
    many = f"{len(comparison.pairs)} {'run' if len(comparison.pairs) == 1 else 'runs'}"
    return f"{many} on both sides: {counts}." + (f" On one side only: {alone}." if alone else "")


def _of_quantity(comparison: ResultsComparison, quantity: Quantity) -> str:
    entries = [pair.effects[quantity].entry for pair in comparison.pairs if pair.effects]
    estimates = [entry for entry in entries if isinstance(entry, Estimate)]
    title = quantity.capitalize()
    if not estimates:
        reasons = dict.fromkeys(entry.reason for entry in entries if isinstance(entry, Absent))
        return f"{title}: nothing to compare" + (f" ({'; '.join(reasons)})" if reasons else "") + "."
    verdicts = Counter(estimate.verdict or "without a verdict" for estimate in estimates)
    counts = ", ".join(f"{count} {word}" for word, count in verdicts.most_common())
    values = [100 * estimate.value for estimate in estimates]
    if quantity == "quality":
        return f"{title}: {counts}; changes from {min(values):+.1f} to {max(values):+.1f} points."
    mean = math.exp(math.fsum(map(math.log, values)) / len(values)) if min(values) > 0 else math.nan
    return (
        f"{title}: {counts}; {mean:.1f} % of before (geometric mean; {min(values):.1f} to {max(values):.1f} "
        f"%)."
    )


def _beyond_chance(comparison: ResultsComparison) -> str:
    assessed = comparison.beyond_chance(QUANTITIES)
    changed = Counter(
        f"{quantity} {word}" for (_, quantity), word in assessed.items() if word in ("better", "worse")
    )
    counts = ", ".join(f"{words} in {count}" for words, count in changed.most_common())
    return f"Beyond chance, all runs together: {counts or 'no change'}."


def _tokens(row: RunRow) -> str:
    return f"{row.prompt_tokens_mean:.1f} read and {row.generated_tokens_mean:.1f} written"


def _first(lines: Sequence[str]) -> list[str]:
    more = [f"and {len(lines) - LISTED} more"] if len(lines) > LISTED else []
    return [*lines[:LISTED], *more]
