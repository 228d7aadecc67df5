"""The page of an axis: how every model answers to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from vlm_profiling.metrics.estimate import (
    FLAG,
    JOULES,
    PERCENT,
    SECONDS,
    Entry,
    Estimate,
    Unit,
    best_unit,
    marked_like,
)
from vlm_profiling.record.absent import Absent
from vlm_profiling.report.comparison.pairs import figure_ratios, marked_latency_ratios
from vlm_profiling.report.markdown import escape_markdown, table
from vlm_profiling.report.pages.drift import drift_table
from vlm_profiling.report.pages.parts import HOW_TO_READ
from vlm_profiling.report.pages.tables import ABOUT_VERDICTS, NOTHING, linked_model, show
from vlm_profiling.report.words import settings, value_label
from vlm_profiling.statistics.compare import Times
from vlm_profiling.statistics.scaling import ScalingFit
from vlm_profiling.study.axes import AXES
from vlm_profiling.tables.drift import DriftRow
from vlm_profiling.tables.identity import RunKey
from vlm_profiling.tables.row import RunRow
from vlm_profiling.tables.scaling import Growth, growths, size_along
from vlm_profiling.tables.study_tables import Cells

ABOUT_GROWTH = (
    "**Latency grows as** x^b: latency per batch = a x^b, by least squares of the logarithms over the n values with figures; b "
    "is 1 in proportion, and 0 without growth. **Off by**: the farthest that a measured mean lies from that curve; where it is "
    "more than a few per cent, no single power describes the growth. **One more** is the slope of the straight line through the "
    "same means (least squares of relative distances): what one more of it costs a sample, beside what is paid in any case. "
    "Brackets hold 95 % intervals: other samples of the same data set (a bootstrap over batches), and what the same run measured "
    "again would differ by. Joules move by their meter's uncertainty. **Time per output token** is that of a whole batch, at "
    "the first and the last value of the axis."
)


def axis_page(
    cells: Cells, axis: str, times: Mapping[RunKey, Times], chart: str, drifts: Mapping[RunKey, DriftRow]
) -> str:
    """Markdown. `times` are the batch times of the cells on the axis; `chart` is the relative path of its
    image.

    `drifts` tell what other optimizations did to answers (drift.read_drift).
    """
    name = AXES[axis].word
    text = [f"# {name[:1].upper()}{name[1:]}, all models", f"Back to [all models](index.md); {HOW_TO_READ}."]
    models = [
        model
        for model in cells.study.models
        if model in (cells.study.axes[axis].models or cells.study.models)
    ]
    lines = {
        dataset: [line for model in models for line in cells.axis(model, axis) if line[0].dataset == dataset]
        for dataset in cells.study.datasets
    }
    lines = {dataset: rows for dataset, rows in lines.items() if rows}
    if not lines:
        return "\n\n".join([*text, "Every cell of this axis is excluded."]) + "\n"
    first = next(iter(lines.values()))[0][0]
    text += [f"Settings: {settings(first.point, axis)}.", f"![Latency of every model by {name}]({chart})"]
    found = growths(cells, axis, times) if AXES[axis].size else {}
    for dataset, rows in lines.items():
        text += [f"## {escape_markdown(dataset)}"] if len(lines) > 1 else []
        text += (
            _growth_section(found[dataset], axis) if AXES[axis].size else _ratio_section(rows, axis, times)
        )
        drifted = (
            drift_table([cell for row in rows for cell in row], drifts, with_model=True)
            if axis == "optimization"
            else ""
        )
        text += ["### Answers" if len(lines) > 1 else "## Answers", drifted] if drifted else []
        text += [
            "### Latency per batch" if len(lines) > 1 else "## Latency per batch",
            _latencies(rows, axis),
        ]
    text += [ABOUT_GROWTH if AXES[axis].size else ABOUT_VERDICTS]
    return "\n\n".join(text) + "\n"


def _growth_section(rows: Sequence[Growth], axis: str) -> list[str]:
    """How each model grows, and why it cannot be told of some."""
    tokens = [[cell.estimate("tpot_s") for cell in (growth.cells[0], growth.cells[-1])] for growth in rows]
    step = best_unit(SECONDS, [entry for pair in tokens for entry in pair])
    columns = {"Model": [linked_model(growth.model) for growth in rows]}
    if any(isinstance(growth.exponent, Estimate) for growth in rows):
        columns["Latency grows as"] = [_power(growth.exponent, axis) for growth in rows]
        columns["Off by (%)"] = [
            f"{100 * growth.fit.off_power:.1f}" if isinstance(growth.fit, ScalingFit) else NOTHING
            for growth in rows
        ]
    costs = (
        (SECONDS, [growth.marginal_latency for growth in rows]),
        (JOULES, [growth.marginal_energy for growth in rows]),
    )
    for units, entries in costs:
        if any(isinstance(entry, Estimate) for entry in entries):
            unit = best_unit(units, entries)
            columns[f"One {size_along(axis).unit} more ({unit.name})"] = [
                show(entry, unit) for entry in entries
            ]
    for place, end in enumerate(("first", "last")):
        columns[f"Time per output token, {end} ({step.name})"] = [show(pair[place], step) for pair in tokens]
    body = list(zip(*columns.values(), strict=True))
    return [table(list(columns), body), *_absences(rows), *_doubts(rows)]


def _power(exponent: Entry, axis: str) -> str:
    """The fit as a paper would quote it: batch^0.4213 [0.3812, 0.4612], n = 4."""
    word = "batch" if axis == "batch_size" else f"{size_along(axis).unit}s"
    return (
        show(exponent, Unit("", 1))
        if isinstance(exponent, Absent)
        else f"{word}^{show(exponent, Unit('', 1), with_n=True)}"
    )


def _absences(rows: Sequence[Growth]) -> list[str]:
    reasons: dict[str, dict[str, None]] = {}
    for growth in rows:
        for title, entry in (("growth", growth.exponent), ("joules", growth.marginal_energy)):
            if isinstance(entry, Absent) and not (title == "joules" and isinstance(growth.exponent, Absent)):
                reasons.setdefault(f"No {title}: {entry.reason}", {})[growth.model] = None
    return [
        f"{escape_markdown(reason)} ({', '.join(map(escape_markdown, models))})."
        for reason, models in reasons.items()
    ]


def _doubts(rows: Sequence[Growth]) -> list[str]:
    notes: dict[str, dict[str, None]] = {}
    for growth in rows:
        for entry in (growth.exponent, growth.marginal_latency, growth.marginal_energy):
            for flag in entry.flags if isinstance(entry, Estimate) else ():
                notes.setdefault(flag.partition(":")[0], {})[growth.model] = None
    return [
        f"{FLAG} {escape_markdown(audit)}: failed for a run of {', '.join(map(escape_markdown, models))}; its page tells why."
        for audit, models in notes.items()
    ]


def _ratio_section(lines: Sequence[Sequence[RunRow]], axis: str, times: Mapping[RunKey, Times]) -> list[str]:
    """Latency and energy of each value relative to the first one, a row a model."""
    labels = _labels(lines, axis)
    latencies = [marked_latency_ratios(line, times) for line in lines]
    kinds = {"latency": latencies, "energy per sample": [_energy_ratios(line) for line in lines]}
    parts = []
    for title, entries in kinds.items():
        if any(isinstance(entry, Estimate) for row in entries for entry in row):
            parts.append(
                _table(f"{AXES[axis].title}: {title}, % of {labels[0]}", axis, lines, entries, PERCENT)
            )
    return parts


def _latencies(lines: Sequence[Sequence[RunRow]], axis: str) -> str:
    entries = [[cell.estimate("generate_s") for cell in line] for line in lines]
    unit = best_unit(SECONDS, [entry for row in entries for entry in row])
    return _table(f"{AXES[axis].title}: latency in {unit.name}", axis, lines, entries, unit)


def _table(
    title: str, axis: str, lines: Sequence[Sequence[RunRow]], entries: Sequence[Sequence[Entry]], unit: Unit
) -> str:
    """A row a model, a column a value of the axis."""
    labels = _labels(lines, axis)
    body = []
    for line, row in zip(lines, entries, strict=True):
        shown = {_label(cell, axis): _status(entry, unit) for cell, entry in zip(line, row, strict=True)}
        body.append(
            [linked_model(line[0].model, line[0].gpus), *(shown.get(label, NOTHING) for label in labels)]
        )
    return table([title, *labels], body)


def _labels(lines: Sequence[Sequence[RunRow]], axis: str) -> list[str]:
    """Values of the axis in their order; a line of which some are excluded leaves them out."""
    return list(
        dict.fromkeys(_label(cell, axis) for line in sorted(lines, key=len, reverse=True) for cell in line)
    )


def _label(cell: RunRow, axis: str) -> str:
    return escape_markdown(value_label(axis, getattr(cell, axis)))


def _energy_ratios(line: Sequence[RunRow]) -> list[Entry]:
    entries = [cell.estimate("energy_per_sample_j") for cell in line]
    return [
        marked_like(ratio, (entry, entries[0]))
        for entry, ratio in zip(entries, figure_ratios(entries), strict=True)
    ]


def _status(entry: Entry, unit: Unit) -> str:
    """A figure, or the status of a run that has none; its reason stands on the model's page."""
    return f"**{entry.status}**" if isinstance(entry, Absent) and entry.status else show(entry, unit)
