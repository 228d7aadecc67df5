"""Where the time goes, for the pages: tables of stages with their sum against the headline, and of layers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from vlm_profiling.metrics.estimate import FLAG, PERCENT, SECONDS, Estimate, best_unit, unit_of_parts
from vlm_profiling.record.absent import Absent
from vlm_profiling.record.breakdown import STAGES
from vlm_profiling.report.markdown import escape_markdown, table
from vlm_profiling.report.pages.tables import NOTHING, linked_model, show
from vlm_profiling.tables.breakdown import LayerRow, StageRow
from vlm_profiling.tables.identity import RunKey
from vlm_profiling.tables.row import RunRow

BLOCKS = ("attention", "mlp", "norm", "convolution", "embedding", "other")
KINDS = 10
"""Kinds of layers listed; the table of layers holds all."""


MOST_TOLD = 2
"""Times between the ends of an interval from which on the cost of marking is not told."""


def stages_table(cell: RunRow, rows: Sequence[StageRow]) -> str:
    """One run's stages, their sum, and in words what the sum is worth."""
    first, flags = rows[0], cell.flags.get("stages", ())
    unit = unit_of_parts([first.end_to_end.value])
    lines = [
        [
            row.stage,
            show(row.time, unit),
            *(
                NOTHING if figure is None else show(Estimate(figure), unit)
                for figure in (row.time_std_s, row.time_min_s, row.time_median_s, row.time_max_s)
            ),
            f"{100 * row.share:.1f}",
        ]
        for row in rows
    ]
    lines.append(["in no stage", *[NOTHING] * 5, f"{100 * first.stages_unattributed_share:.1f}"])
    lines.append(
        ["**end to end**", show(replace(first.end_to_end, flags=flags), unit), *[NOTHING] * 4, "100.0"]
    )
    name = unit.name
    heading = [
        "Stage",
        f"Mean ({name})",
        *(f"{word} ({name})" for word in ("Std", "Min", "Median", "Max")),
        "Share (%)",
    ]
    cost = show(first.pass_cost, PERCENT)
    notes = [
        f"n = {first.time_n} batches. `generate()` of this pass took {cost} % of the headline's, which is not instrumented. "
        f"{_marking(first)}",
        *(f"No {stage}: {escape_markdown(reason)}." for stage, reason in first.absent.items()),
        *(f"{FLAG} {escape_markdown(flag)}." for flag in flags),
    ]
    return "\n\n".join([table(heading, lines), *notes])


def _marking(row: StageRow) -> str:
    """What marking the stages costs, whatever the machine did between the passes."""
    cost = row.instrumentation_overhead
    if isinstance(cost, Absent):
        return f"What marking them costs is not known: {cost.reason}."
    low, high = cost.bounds
    if high > MOST_TOLD * low:
        return "What marking them costs cannot be told: other work moved the machine more, from one turn to the next."
    return f"Marked and unmarked in turns, it takes {show(cost, PERCENT)} % of its time: that is what marking costs."


def models_stages_table(cells: Sequence[RunRow], stages: Mapping[RunKey, Sequence[StageRow]]) -> str:
    """Shares by stage and the serving times, one row a model; a dash where a model has no such stage.

    Empty where no model has stages.
    """
    measured = [
        (cell, {row.stage: row for row in stages[cell.place]}) for cell in cells if cell.place in stages
    ]
    names = [stage for stage in STAGES if any(stage in rows for _, rows in measured)]
    first_tokens, further_tokens = (
        [cell.estimate("ttft_s") for cell, _ in measured],
        [cell.estimate("tpot_s") for cell, _ in measured],
    )
    rows = []
    unit = best_unit(SECONDS, [*first_tokens, *further_tokens])
    for (cell, own), ttft, tpot in zip(measured, first_tokens, further_tokens, strict=True):
        cost = next(iter(own.values())).instrumentation_overhead
        shares = [f"{100 * own[name].share:.1f}" if name in own else NOTHING for name in names]
        rows.append(
            [
                linked_model(cell.model, cell.gpus),
                *shares,
                show(ttft, unit),
                show(tpot, unit),
                show(cost, PERCENT),
            ]
        )
    serving = (f"Time to first token ({unit.name})", f"Time per output token ({unit.name})")
    heading = ["Model", *(f"{name} (%)" for name in names), *serving, "Marked, % of unmarked"]
    flags = [
        f"{FLAG} {escape_markdown(cell.model)}: {escape_markdown(flag)}."
        for cell, _ in measured
        for flag in cell.flags.get("stages", ())
    ]
    return "\n\n".join([table(heading, rows), *flags]) if rows else ""


def layers_table(_: RunRow, rows: Sequence[LayerRow]) -> str:
    """One run's time inside generate(): blocks by stage, then the kinds of layers that take most."""
    first = rows[0]
    whole = first.stage_shares
    stages = [stage for stage in STAGES if stage in whole]
    blocks = []
    for block in BLOCKS:
        shares = [
            sum(row.share for row in rows if row.block == block and row.stage == stage) for stage in stages
        ]
        blocks.append([block, *map(_percent, shares), _percent(sum(shares))])
    between = [whole[stage] - sum(row.share for row in rows if row.stage == stage) for stage in stages]
    blocks.append(["between layers", *map(_percent, between), _percent(sum(between))])
    blocks.append(["**sum**", *(_percent(whole[stage]) for stage in stages), _percent(sum(whole.values()))])
    inside = [
        1 - left / whole[stage] if whole[stage] else 0.0 for left, stage in zip(between, stages, strict=True)
    ]
    blocks.append(["of it in layers", *map(_percent, inside), _percent(first.layers_coverage)])
    kinds = [[escape_markdown(row.module), row.block, row.stage, _percent(row.share)] for row in rows[:KINDS]]
    note = (
        f"Shares of `generate()` over {first.layers_batches} batches, layers marked: {_percent(first.layers_coverage)} % of "
        f"the time lies in them. With all of them marked `generate()` takes {100 * first.layers_against_headline:.0f} % of "
        "the headline's time."
    )
    return "\n\n".join(
        [
            table(["Block", *(f"{stage} (%)" for stage in stages), "All (%)"], blocks),
            _convolutions(rows, whole),
            note,
            table(["Kind of layer", "Block", "Stage", "Share (%)"], kinds, text_columns=3),
        ]
    )


def _convolutions(rows: Sequence[LayerRow], stages: Mapping[str, float]) -> str:
    """What is true of "heavy convolutions", which the reference study names as the reason of slow models."""
    blocks = {block: sum(row.share for row in rows if row.block == block) for block in BLOCKS}
    heaviest = max(blocks, key=lambda block: blocks[block])
    largest = f"The heaviest block is {heaviest} with {_percent(blocks[heaviest])} %."
    if not any(row.block == "convolution" for row in rows):
        return f"Are convolutions heavy? This model has none in `generate()`. {largest}"
    own = {
        stage: sum(row.share for row in rows if (row.block, row.stage) == ("convolution", stage))
        for stage in stages
    }
    parts = " and ".join(
        f"{_percent(share / stages[stage])} % of {stage}" for stage, share in own.items() if share
    )
    bound = 1 / max(1 - blocks["convolution"], 1e-9)
    return (
        f"Are convolutions heavy? They take {_percent(blocks['convolution'])} % of `generate()` ({parts}): without any of them "
        f"it would be at most {bound:.3g} times as fast. {largest}"
    )


def _percent(share: float) -> str:
    return f"{100 * share:.1f}"
