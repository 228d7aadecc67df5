"""The page of an axis: how every model responds to it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from vlm_profiling.metrics.estimate import (
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
from vlm_profiling.report.charts.registry import study_charts
from vlm_profiling.report.comparison.pairs import estimate_ratios, flagged_latency_ratios
from vlm_profiling.report.markdown import escape_markdown, listed
from vlm_profiling.report.pages.drift import drift_blocks
from vlm_profiling.report.pages.parts import (
    ABOUT_VERDICTS,
    back_to_index,
    capital,
    flag_note,
    linked_model,
)
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
    any_estimate,
    number,
)
from vlm_profiling.report.words import settings, value_label
from vlm_profiling.statistics.scaling import ScalingFit
from vlm_profiling.study.axes import AXES
from vlm_profiling.tables.row import RunRow
from vlm_profiling.tables.scaling import Growth, growths, size_along
from vlm_profiling.tables.study_tables import StudyTables

ABOUT_SCALING = (
    "**Scaling**: latency per batch = a x^b, by least squares of the logarithms over the n values with "
    "results. The exponent b is 1 where latency is proportional to x, and 0 where it does not depend on x. "
    "**Misfit**: the largest relative distance of a measured mean from that curve; where it is more than a "
    "few per cent, no single exponent describes the data. **One more**: the slope of the straight line "
    "through the same means (least squares of relative distances), the cost of one more for a sample. "
    "Brackets contain 95 % intervals, which include both other samples of the same data set (a bootstrap "
    "over batches) and the noise between repetitions; for energy, the meter's uncertainty. **TPOT** (time "
    "per output token) is that of a whole batch, at the first and at the last value of the axis."
)


def axis_page(tables: StudyTables, axis: str, plots: str) -> Page:
    """The page of an axis.

    Args:
        tables: the study's tables.
        axis: the name of the axis.
        plots: address of the folder of charts, relative to the page.
    """
    info, study = AXES[axis], tables.study
    models = study.axes[axis].models or study.models
    lines = {
        dataset: [
            line
            for model in study.models
            if model in models
            for line in tables.runs.axis(model, axis)
            if line[0].dataset == dataset
        ]
        for dataset in study.datasets
    }
    lines = {dataset: rows for dataset, rows in lines.items() if rows}
    page_name = f"All models by {info.word}"
    title = f"{capital(info.word)}, all models"
    blocks: list[Block] = [back_to_index()]
    if not lines:
        return Page(title, [*blocks, Prose("Every run of this axis is excluded.")], page_name)
    first = next(iter(lines.values()))[0][0]
    blocks.append(Prose(f"Settings: {settings(first.point, axis)}."))
    blocks += [
        Plot(chart.title, f"{plots}/{chart.stem}.svg")
        for chart in study_charts(study, "axis", model="", axis=axis)
    ]
    found = growths(tables.runs, axis, tables.batch_times) if info.size else {}
    several = len(lines) > 1
    for dataset, rows in lines.items():
        blocks += [Heading(dataset)] if several else []
        level = 3 if several else 2
        if info.size:
            blocks += [Heading("Scaling", level), *_scaling_blocks(found[dataset], axis)]
        else:
            blocks += _ratio_blocks(tables, rows, axis, level)
        if axis == "optimization":
            drifted = drift_blocks([row for line in rows for row in line], tables.drift, with_model=True)
            blocks += [Heading("Answers", level), *drifted] if drifted else []
        entries = [[row.estimate("generate_s") for row in line] for line in rows]
        unit = best_unit(SECONDS, [entry for line in entries for entry in line])
        blocks += [
            Heading(f"Latency per batch ({unit.name})", level),
            _by_value("generate_s", "", axis, rows, entries, unit),
        ]
    blocks.append(Prose(ABOUT_SCALING if info.size else ABOUT_VERDICTS))
    return Page(title, blocks, page_name)


def _scaling_blocks(rows: Sequence[Growth], axis: str) -> list[Block]:
    """The scaling exponent of each model, and the reason where there is none."""
    size = size_along(axis)
    tokens = [[row.estimate("tpot_s") for row in (growth.cells[0], growth.cells[-1])] for growth in rows]
    step = best_unit(SECONDS, [entry for pair in tokens for entry in pair])
    base = "batch" if axis == "batch_size" else f"{size.unit}s"
    columns: list[tuple[Column, list[Cell]]] = [
        (Column("Model", text=True), [linked_model(growth.cells[0]) for growth in rows])
    ]
    if any_estimate(growth.exponent for growth in rows):
        about = "latency is proportional to x^b, by least squares of the logarithms over n values"
        powers: list[Cell] = [Number(growth.exponent, with_n=True, base=base) for growth in rows]
        columns.append((Column("Latency scales as", about=about), powers))
        misfits = [growth.fit.off_power if isinstance(growth.fit, ScalingFit) else None for growth in rows]
        about = "the largest relative distance of a measured mean from the fitted curve"
        columns.append(
            (Column("Misfit (%)", about=about), [number(misfit, PERCENT, ".1f") for misfit in misfits])
        )
    costs: list[tuple[tuple[Unit, ...], Callable[[Growth], Entry]]] = [
        (SECONDS, lambda growth: growth.marginal_latency),
        (JOULES, lambda growth: growth.marginal_energy),
    ]
    for units, read in costs:
        entries = [read(growth) for growth in rows]
        if any_estimate(entries):
            unit = best_unit(units, entries)
            about = (
                f"slope of the straight line through the means: the cost of one {size.unit} more for a sample"
            )
            head = Column(f"One {size.unit} more ({unit.name})", about=about)
            columns.append((head, [Number(entry, unit) for entry in entries]))
    for place, end in enumerate(("first", "last")):
        head = Column(f"TPOT, {end} value ({step.name})", "tpot_s", f"at the {end} value of the axis")
        columns.append((head, [Number(pair[place], step) for pair in tokens]))
    body = list(zip(*(cells for _, cells in columns), strict=True))
    table = Table([column for column, _ in columns], body)
    return [table, *_absences(rows), *_flags(rows)]


def _absences(rows: Sequence[Growth]) -> list[Block]:
    reasons: dict[str, dict[str, None]] = {}
    for growth in rows:
        if isinstance(growth.exponent, Absent):
            reasons.setdefault(f"No scaling exponent: {growth.exponent.reason}", {})[growth.model] = None
        elif isinstance(growth.marginal_energy, Absent):
            words = f"No energy of one more: {growth.marginal_energy.reason}"
            reasons.setdefault(words, {})[growth.model] = None
    return [
        Prose(f"{escape_markdown(reason)} ({listed(list(models))}).", note=True)
        for reason, models in reasons.items()
    ]


def _flags(rows: Sequence[Growth]) -> list[Block]:
    audits: dict[str, dict[str, None]] = {}
    for growth in rows:
        for entry in (growth.exponent, growth.marginal_latency, growth.marginal_energy):
            for flag in entry.flags if isinstance(entry, Estimate) else ():
                audits.setdefault(flag.partition(":")[0], {})[growth.model] = None
    return [
        flag_note(f"{audit}: failed for a run of {', '.join(models)}; the model's page gives the evidence")
        for audit, models in audits.items()
    ]


def _ratio_blocks(
    tables: StudyTables, lines: Sequence[Sequence[RunRow]], axis: str, level: int
) -> list[Block]:
    """Latency and energy of each value relative to the first one, a row for each model."""
    first = _labels(lines, axis)[0]
    ratios: dict[str, tuple[str, list[list[Entry]]]] = {
        "generate_s": ("Latency", [flagged_latency_ratios(line, tables.batch_times) for line in lines]),
        "energy_per_sample_j": ("Energy per sample", [_energy_ratios(line) for line in lines]),
    }
    blocks: list[Block] = []
    for metric, (title, entries) in ratios.items():
        if any_estimate(entry for row in entries for entry in row):
            about = f"as a share of the value at {first}, on the same samples"
            blocks.append(Heading(f"{title}, % of {first}", level))
            blocks.append(_by_value(metric, about, axis, lines, entries, PERCENT))
    return blocks


def _by_value(
    metric: str,
    about: str,
    axis: str,
    lines: Sequence[Sequence[RunRow]],
    entries: Sequence[Sequence[Entry]],
    unit: Unit,
) -> Table:
    """A row for each model, a column for each value of the axis.

    Args:
        metric: the id of the metric.
        about: added to the metric's definition over each column.
        axis: the name of the axis.
        lines: the runs of each model.
        entries: the values of these runs.
        unit: the unit that they are printed in.
    """
    labels = _labels(lines, axis)
    body: list[list[Cell]] = []
    for line, row in zip(lines, entries, strict=True):
        shown = {
            _label(run, axis): Number(entry, unit, absent="status")
            for run, entry in zip(line, row, strict=True)
        }
        body.append([linked_model(line[0]), *(shown.get(label, NOTHING) for label in labels)])
    title = f"Model, by {AXES[axis].word}"
    return Table([Column(title, text=True), *(Column(label, metric, about) for label in labels)], body)


def _labels(lines: Sequence[Sequence[RunRow]], axis: str) -> list[str]:
    """Values of the axis in their order; a line of which some are excluded leaves them out."""
    longest_first = sorted(lines, key=len, reverse=True)
    return list(dict.fromkeys(_label(row, axis) for line in longest_first for row in line))


def _label(row: RunRow, axis: str) -> str:
    return value_label(axis, getattr(row, axis))


def _energy_ratios(line: Sequence[RunRow]) -> list[Entry]:
    entries = [row.estimate("energy_per_sample_j") for row in line]
    ratios = zip(entries, estimate_ratios(entries), strict=True)
    return [marked_like(ratio, (entry, entries[0])) for entry, ratio in ratios]
