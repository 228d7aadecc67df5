"""The tables of the pages: cells of the grid as rows, quantities as columns, each with its unit, interval and
n.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import msgspec

from vlm_profiling.metrics.catalog import METRICS, STANDARD_METRICS, Metric
from vlm_profiling.metrics.estimate import (
    FLAG,
    PERCENT,
    Entry,
    Estimate,
    Unit,
    best_unit,
    marked_like,
)
from vlm_profiling.record.absent import Absent
from vlm_profiling.report.comparison.pairs import figure_ratios, latency_ratios
from vlm_profiling.report.markdown import escape_markdown, table
from vlm_profiling.report.words import settings, value_label
from vlm_profiling.statistics.compare import Times
from vlm_profiling.study.axes import AXES
from vlm_profiling.tables.identity import RunKey
from vlm_profiling.tables.row import RunRow

NOTHING = "–"


LATENCY, ENERGY, WORK = METRICS["generate_s"], METRICS["energy_per_sample_j"], METRICS["batch_flops"]
WORD_ERRORS, EXACT_MATCHES = METRICS["wer"], METRICS["exact_match"]
STANDARDS = tuple(METRICS[name] for name in STANDARD_METRICS)
"""Standard metrics of data sets, each shown where one of the cells has it."""
CAPTIONS = (METRICS["bleu_4"], METRICS["rouge_l"])
AT_BASELINE = tuple(
    METRICS[name]
    for name in (
        *("generate_s", "generate_per_sample_s", "end_to_end_s", "samples_per_s", "output_tokens_per_s"),
        *("ttft_s", "tpot_s", "energy_per_sample_j", "batch_flops", "peak_memory_bytes"),
        *("wer", "wer_normalised", "exact_match"),
    )
)
ABOUT_VERDICTS = (
    "The word beside a ratio of latencies hears its interval (other samples) and what the runs' own repeats moved by (nothing "
    "changed): slower or faster only where these do not explain it."
)
COUNTED = (LATENCY, WORD_ERRORS, EXACT_MATCHES)
"""Quantities whose n is shown beside the figure."""


@dataclass(frozen=True)
class Column:
    """A column: its heading, and its text for each row (already Markdown)."""

    title: str
    cells: Sequence[str]


def axis_table(axis: str, line: Sequence[RunRow], times: Mapping[RunKey, Times]) -> str:
    """One data set's cells along an axis. `times` are needed for the optimization axis only."""
    columns = [
        Column(AXES[axis].title, [escape_markdown(value_label(axis, getattr(cell, axis))) for cell in line]),
        *_seen(axis, line),
        *_figure_columns([LATENCY], line),
    ]
    relative = axis == "optimization"
    if relative:
        ratios = zip(line, latency_ratios(line, times), strict=True)
        columns.append(
            _ratio_column(
                LATENCY,
                [
                    marked_like(ratio, (cell.estimate("generate_s"), line[0].estimate("generate_s")))
                    for cell, ratio in ratios
                ],
            )
        )
    for quantity in (ENERGY, WORK):
        columns += _figure_columns([quantity], line)
        if relative and quantities_there([quantity], line):
            columns.append(_ratio_column(quantity, _ratios(quantity, line)))
    quantities = [LATENCY, ENERGY, WORK]
    notes = [*_without_effect(axis, line), *([ABOUT_VERDICTS] if relative else [])]
    if any(isinstance(cell.estimate("wer"), Estimate) for cell in line):
        quality = [WORD_ERRORS, EXACT_MATCHES, *quantities_there(STANDARDS, line)]
        columns += _figure_columns(quality, line)
        quantities += quality
        given = AXES[axis].given
        notes += [given.about_quality] if given and given.about_quality else []
    return _with_notes(columns, line, quantities, notes)


def baseline_table(cells: Sequence[RunRow]) -> str:
    """Every quantity at the baseline, one row each; one column a data set."""
    rows = []
    quantities = [*AT_BASELINE, *quantities_there((*STANDARDS, *CAPTIONS), cells)]
    for quantity in quantities:
        entries = [cell.estimate(quantity.id) for cell in cells]
        unit = best_unit(quantity.units, entries)
        rows.append(
            [
                f"{quantity.title} ({unit.name})",
                *(show(entry, unit, with_n=True, with_reason=True) for entry in entries),
            ]
        )
    plain: list[tuple[str, Callable[[RunRow], float | None]]] = [
        ("Prompt tokens, mean", lambda cell: cell.prompt_tokens_mean),
        ("of them image tokens, mean", lambda cell: cell.image_tokens_mean),
        ("Generated tokens, mean", lambda cell: cell.generated_tokens_mean),
        (
            "FLOPs spent on padding (%)",
            lambda cell: None if cell.padding_share is None else 100 * cell.padding_share,
        ),
    ]
    rows += [[title, *(_plain(read(cell)) for cell in cells)] for title, read in plain]
    rows.append(["Latency's noise from repeat to repeat (%)", *(_repeat_noise(cell) for cell in cells)])
    rows.append(["Image seen by the model (px)", *(_sizes(cell) for cell in cells)])
    text = table(["", *(escape_markdown(cell.dataset) for cell in cells)], rows)
    return "\n\n".join([text, *_doubts(cells, quantities)])


def models_table(cells: Sequence[RunRow]) -> str:
    """One row a model at the baseline on one data set."""
    quantities = [
        ENERGY,
        WORK,
        METRICS["peak_memory_bytes"],
        WORD_ERRORS,
        EXACT_MATCHES,
        *quantities_there(STANDARDS, cells),
    ]
    columns = [
        Column("Model", [linked_model(cell.model, cell.gpus) for cell in cells]),
        *_figure_columns([LATENCY, *quantities], cells),
    ]
    return _with_notes(columns, cells, quantities)


def cells_table(cells: Sequence[RunRow]) -> str:
    """Cells anywhere in the grid, one row each."""
    quantities = [ENERGY, WORK, WORD_ERRORS, EXACT_MATCHES, *quantities_there(STANDARDS, cells)]
    columns = [
        Column("Data set", [escape_markdown(cell.dataset) for cell in cells]),
        Column("Settings", [escape_markdown(settings(cell.point)) for cell in cells]),
        *_figure_columns([LATENCY, *quantities], cells),
    ]
    return _with_notes(columns, cells, quantities, text_columns=2)


def failures_table(cells: Sequence[RunRow]) -> str:
    """Cells without figures, with the reason of each."""
    rows = [
        [
            linked_model(cell.model, cell.gpus),
            escape_markdown(cell.dataset),
            escape_markdown(settings(cell.point)),
            cell.status,
            escape_markdown(cell.reason or NOTHING),
        ]
        for cell in cells
    ]
    return table(["Model", "Data set", "Settings", "Status", "Reason"], rows, text_columns=5)


def linked_model(model: str, gpus: int = 1) -> str:
    """A model's name, leading to its page, with its GPUs where it lies on several."""
    return f"[{escape_markdown(model)}]({model}.md)" + (f" ({gpus} GPUs)" if gpus > 1 else "")


def quantities_there(quantities: Sequence[Metric], cells: Sequence[RunRow]) -> list[Metric]:
    """Those that one of the cells has a figure of."""
    return [
        quantity
        for quantity in quantities
        if any(isinstance(cell.estimate(quantity.id), Estimate) for cell in cells)
    ]


def _figure_columns(quantities: Sequence[Metric], cells: Sequence[RunRow]) -> list[Column]:
    """A column for each quantity with a figure, in the unit that suits its largest; latency also says why a
    run has none.
    """
    columns = []
    for quantity in quantities:
        entries = [cell.estimate(quantity.id) for cell in cells]
        if quantity is not LATENCY and not any(isinstance(entry, Estimate) for entry in entries):
            continue  # the note below the table says why
        unit = best_unit(quantity.units, entries)
        shown = [
            show(entry, unit, with_n=quantity in COUNTED, with_reason=quantity is LATENCY)
            for entry in entries
        ]
        columns.append(Column(f"{quantity.title} ({unit.name})", shown))
    return columns


def _ratio_column(quantity: Metric, ratios: Sequence[Entry]) -> Column:
    return Column(f"% of original {quantity.short_title}", [show(entry, PERCENT) for entry in ratios])


def _ratios(quantity: Metric, cells: Sequence[RunRow]) -> list[Entry]:
    """Each cell's figure over the first cell's. FLOPs are exact for the same samples, so their ratio has no
    interval.
    """
    entries: list[Entry] = [cell.estimate(quantity.id) for cell in cells]
    if quantity is WORK:
        entries = [
            replace(entry, interval=None, n=None) if isinstance(entry, Estimate) else entry
            for entry in entries
        ]
    return [
        marked_like(ratio, (entry, entries[0]))
        for entry, ratio in zip(entries, figure_ratios(entries), strict=True)
    ]


def _seen(axis: str, cells: Sequence[RunRow]) -> list[Column]:
    """What an axis really changed, beside what was asked."""
    given = AXES[axis].given
    columns = given.columns if given else {}
    return [Column(title, [_seen_text(cell, name) for cell in cells]) for title, name in columns.items()]


def _seen_text(cell: RunRow, column: str) -> str:
    return _sizes(cell) if column == "effective_sizes" else _plain(getattr(cell, column))


def _without_effect(axis: str, cells: Sequence[RunRow]) -> list[str]:
    """A note where an axis cannot have moved compute, as every run was given the same."""
    given = AXES[axis].given
    if given is None:
        return []
    seen = [tuple(getattr(cell, name) for name in given.columns.values()) for cell in cells if cell.ok]
    return [given.unmoved] if len(seen) > 1 and len(set(seen)) == 1 and None not in seen[0] else []


def _sizes(cell: RunRow) -> str:
    """The sizes the model saw, most frequent first: 448×336 (60 samples), 336×448 (36 samples)."""
    sizes = msgspec.json.decode(cell.effective_sizes or "{}", type=dict[str, int])
    if not sizes:
        return NOTHING
    frequent = sorted(sizes.items(), key=lambda item: -item[1])
    words = [
        size.replace("x", "×") + (f" ({count} samples)" if len(sizes) > 1 else "")
        for size, count in frequent[:2]
    ]
    return ", ".join(words) + (f" and {len(sizes) - 2} other sizes" if len(sizes) > 2 else "")


def _repeat_noise(cell: RunRow) -> str:
    """How far the mean of the same few batches moves with nothing changed; apart from every interval on the
    page.
    """
    if cell.repeats_noise is None:
        return escape_markdown(cell.section_absent("repeats") or NOTHING)
    return (
        f"{_number(100 * cell.repeats_noise)} ({cell.repeats_rounds} rounds, stopped: {cell.repeats_stopped})"
    )


def show(entry: Entry, unit: Unit, *, with_n: bool = False, with_reason: bool = False) -> str:
    """A figure with its interval; for an absent one its reason, or a dash where the reason stands elsewhere."""
    if isinstance(entry, Absent):
        if not with_reason:
            return NOTHING
        reason = escape_markdown(entry.reason)
        return f"**{entry.status}**: {reason}" if entry.status else reason
    text = _number(entry.value / unit.size)
    if entry.interval:
        low, high = (_number(bound / unit.size) for bound in entry.interval)
        text += f" [{low}, {high}]"
    if with_n and entry.n is not None:
        text += f", n = {entry.n}"
    if entry.verdict:
        text += f", {entry.verdict}"
    return f"{text} {FLAG}" if entry.flags else text


def _number(value: float) -> str:
    """Four significant digits, trailing zeros kept."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:#.4g}".rstrip(".")


def _plain(value: float | None) -> str:
    """A count or a mean without an interval: four significant digits at most; a dash where there is none."""
    if value is None:
        return NOTHING
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def _with_notes(
    columns: Sequence[Column],
    cells: Sequence[RunRow],
    quantities: Sequence[Metric],
    notes: Sequence[str] = (),
    text_columns: int = 1,
) -> str:
    """The table, and below it why figures of finished runs are missing."""
    absences: dict[str, dict[str, None]] = {}
    for quantity in quantities:
        for cell in cells:
            entry = cell.estimate(quantity.id)
            if isinstance(entry, Absent) and not entry.status:
                absences.setdefault(entry.reason, {})[quantity.title] = None
    missing = [f"{', '.join(titles)}: {escape_markdown(reason)}." for reason, titles in absences.items()]
    rows = list(zip(*(column.cells for column in columns), strict=True))
    text = table([column.title for column in columns], rows, text_columns)
    return "\n\n".join([text, *missing, *notes, *_doubts(cells, (LATENCY, *quantities))])


def _doubts(cells: Sequence[RunRow], quantities: Sequence[Metric]) -> list[str]:
    """A note for each failed audit, naming the figures of the table that it marks."""
    marked: dict[str, dict[str, None]] = {}
    for cell in cells:
        for quantity in quantities:
            entry = cell.estimate(quantity.id)
            for flag in entry.flags if isinstance(entry, Estimate) else ():
                marked.setdefault(flag, {})[quantity.short_title] = None
    return [f"{FLAG} {', '.join(kinds)}: {escape_markdown(flag)}." for flag, kinds in marked.items()]
