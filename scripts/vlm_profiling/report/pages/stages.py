"""Where the time goes: tables of stages, of their sum against the headline pass, and of layers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from vlm_profiling.metrics.catalog import METRICS
from vlm_profiling.metrics.estimate import PERCENT, SECONDS, best_unit, unit_of_parts
from vlm_profiling.metrics.stages import STAGES
from vlm_profiling.record.absent import Absent
from vlm_profiling.report.markdown import escape_markdown
from vlm_profiling.report.pages.parts import flag_note, linked_model
from vlm_profiling.report.table import (
    NOTHING,
    Block,
    Cell,
    Column,
    Number,
    Prose,
    Table,
    Term,
    number,
    percent,
)
from vlm_profiling.tables.identity import RunKey
from vlm_profiling.tables.part_rows import LayerRow, StageRow
from vlm_profiling.tables.row import RunRow

BLOCKS = {
    "attention": "attention layers with their projections",
    "mlp": "feed-forward layers",
    "norm": "normalisation layers",
    "convolution": "convolutions, the patch embedding among them",
    "embedding": "look-ups of tokens and positions",
    "other": "layers of no kind above",
}
"""The blocks that layers belong to, with their definitions."""
KINDS = 10
"""Kinds of layers listed; the table of layers in files holds all."""
WIDEST = 2
"""Ratio of an interval's ends from which on the overhead of instrumentation is not stated."""
PASS = "from a separate pass with instrumented stages"
ABOUT_OVERHEAD = (
    "the same batches with and without instrumented stages, alternating: the overhead of instrumentation"
)
STATISTICS = {
    "Mean": f"exclusive time of the stage for a full batch, mean over batches, {PASS}",
    "Std": "standard deviation over batches",
    "Min": "the fastest batch",
    "Median": "median over batches",
    "Max": "the slowest batch",
}


def stage_term(stage: str) -> Term:
    """The name of a stage, with its definition."""
    return Term(STAGES[stage].title, about=STAGES[stage].definition)


def stages_blocks(row: RunRow, stages: Sequence[StageRow]) -> list[Block]:
    """One run's stages, their sum, and the overhead of the pass that measured them."""
    first, flags = stages[0], row.flags.get("stages", ())
    unit = unit_of_parts([first.end_to_end.value])
    lines: list[list[Cell]] = [
        [
            stage_term(stage.stage),
            Number(stage.time, unit),
            *(
                number(seconds, unit)
                for seconds in (
                    stage.time_std_s,
                    stage.time_min_s,
                    stage.time_median_s,
                    stage.time_max_s,
                )
            ),
            percent(stage.share),
        ]
        for stage in stages
    ]
    between = Term("in no stage", about="end-to-end time of the pass that is in none of its stages")
    whole = Term(
        "end to end",
        about="from images and text on the host to text, in the pass with instrumented stages",
        strong=True,
    )
    lines.append([between, *[NOTHING] * 5, percent(first.stages_unattributed_share)])
    lines.append([whole, Number(replace(first.end_to_end, flags=flags), unit), *[NOTHING] * 4, percent(1.0)])
    heads = [
        Column("Stage", text=True),
        *(Column(f"{title} ({unit.name})", about=about) for title, about in STATISTICS.items()),
        Column("Share (%)", about="time of the stage over the end-to-end time of the same pass"),
    ]
    cost = Number(first.pass_cost, PERCENT)
    notes = [
        f"n = {first.time_n} batches. `generate()` of this pass took {_words(cost)} % of its time in the "
        f"headline pass, which is not instrumented. {_overhead(first)}",
        *(f"No {stage}: {escape_markdown(reason)}." for stage, reason in first.absent.items()),
    ]
    return [
        Table(heads, lines, sortable=False),
        *(Prose(note, note=True) for note in notes),
        *map(flag_note, flags),
    ]


def _overhead(stage: StageRow) -> str:
    """The overhead of instrumenting the stages, whatever the machine did between the passes."""
    cost = stage.instrumentation_overhead
    if isinstance(cost, Absent):
        return f"The overhead of instrumentation is not known: {escape_markdown(cost.reason)}."
    low, high = cost.bounds
    if high > WIDEST * low:
        return (
            "The overhead of instrumentation cannot be stated: other work on the machine changed the time "
            "more than that, from one repetition to the next."
        )
    return (
        f"With and without instrumentation, alternating, it takes {_words(Number(cost, PERCENT))} % of its "
        "time: the overhead of instrumentation."
    )


def _words(number: Number) -> str:
    """An estimate within a sentence."""
    return " ".join([number.value_text, *number.details])


def models_stages_blocks(rows: Sequence[RunRow], stages: Mapping[RunKey, Sequence[StageRow]]) -> list[Block]:
    """Shares by stage, TTFT and TPOT, a row for each model; nothing where no model has stages.

    Args:
        rows: the runs at the baseline on one data set.
        stages: the stages of runs.
    """
    measured = [
        (row, {stage.stage: stage for stage in stages[row.place]}) for row in rows if row.place in stages
    ]
    if not measured:
        return []
    names = [name for name in STAGES if any(name in own for _, own in measured)]
    serving = [METRICS["ttft_s"], METRICS["tpot_s"]]
    unit = best_unit(SECONDS, [row.estimate(metric.id) for row, _ in measured for metric in serving])
    lines: list[list[Cell]] = [
        [
            linked_model(row),
            *(percent(own[name].share if name in own else None) for name in names),
            *(Number(row.estimate(metric.id), unit) for metric in serving),
            Number(next(iter(own.values())).instrumentation_overhead, PERCENT),
        ]
        for row, own in measured
    ]
    heads = [
        Column("Model", text=True),
        *(
            Column(
                f"{STAGES[name].title} (%)", about=f"share of the end-to-end time: {STAGES[name].definition}"
            )
            for name in names
        ),
        *(Column(f"{metric.title} ({unit.name})", metric.id) for metric in serving),
        Column("Instrumented, % of uninstrumented", about=ABOUT_OVERHEAD),
    ]
    flags = [flag_note(f"{row.model}: {flag}") for row, _ in measured for flag in row.flags.get("stages", ())]
    return [Table(heads, lines), *flags]


def layers_blocks(_: RunRow, layers: Sequence[LayerRow]) -> list[Block]:
    """One run's time inside generate(): blocks by stage, then the kinds of layers that take most."""
    first = layers[0]
    whole = first.stage_shares
    stages = [stage for stage in STAGES if stage in whole]
    lines: list[list[Cell]] = []
    for block, about in BLOCKS.items():
        shares = [
            sum(layer.share for layer in layers if layer.block == block and layer.stage == stage)
            for stage in stages
        ]
        lines.append([Term(block, about=about), *map(percent, shares), percent(sum(shares))])
    between = [
        whole[stage] - sum(layer.share for layer in layers if layer.stage == stage) for stage in stages
    ]
    inside = [
        1 - left / whole[stage] if whole[stage] else 0.0 for left, stage in zip(between, stages, strict=True)
    ]
    further = {
        Term("between layers", about="time in which no layer ran: residuals, masks, reshapes, Python"): [
            *between,
            sum(between),
        ],
        Term("sum", about="all of the stage", strong=True): [
            *(whole[stage] for stage in stages),
            sum(whole.values()),
        ],
        Term("of it in layers", about="share of the stage's time in which an instrumented layer ran"): [
            *inside,
            first.layers_coverage,
        ],
    }
    lines += [[term, *map(percent, shares)] for term, shares in further.items()]
    heads = [
        Column("Block", text=True),
        *(
            Column(
                f"{STAGES[stage].title} (%)",
                about=f"share of generate(), by block: {STAGES[stage].definition}",
            )
            for stage in stages
        ),
        Column("All (%)", about="share of generate() over all stages"),
    ]
    kinds: list[list[Cell]] = [
        [layer.module, layer.block, STAGES[layer.stage].title, percent(layer.share)]
        for layer in layers[:KINDS]
    ]
    kind_heads = [
        *(Column(title, text=True) for title in ("Kind of layer", "Block", "Stage")),
        Column(
            "Share (%)",
            about="exclusive time of this kind of layer in this stage over generate() of the same pass",
        ),
    ]
    note = (
        f"Shares of `generate()` over {first.layers_batches} batches with instrumented layers: "
        f"{100 * first.layers_coverage:.1f} % of the time is in layers. With all layers instrumented "
        f"`generate()` takes {100 * first.layers_against_headline:.0f} % of its time in the headline pass."
    )
    return [
        Table(heads, lines, sortable=False),
        Prose(_convolutions(layers, whole)),
        Prose(note),
        Table(kind_heads, kinds),
    ]


def _convolutions(layers: Sequence[LayerRow], stages: Mapping[str, float]) -> str:
    """Whether convolutions are heavy, which the reference study names as the reason of slow models."""
    blocks = {block: sum(layer.share for layer in layers if layer.block == block) for block in BLOCKS}
    heaviest = max(blocks, key=lambda block: blocks[block])
    largest = f"The heaviest block is {heaviest} with {100 * blocks[heaviest]:.1f} %."
    if not any(layer.block == "convolution" for layer in layers):
        return f"Are convolutions heavy? This model has none in `generate()`. {largest}"
    own = {
        stage: sum(layer.share for layer in layers if (layer.block, layer.stage) == ("convolution", stage))
        for stage in stages
    }
    parts = " and ".join(
        f"{100 * share / stages[stage]:.1f} % of {STAGES[stage].title}"
        for stage, share in own.items()
        if share
    )
    bound = 1 / max(1 - blocks["convolution"], 1e-9)
    return (
        f"Are convolutions heavy? They take {100 * blocks['convolution']:.1f} % of `generate()` ({parts}): "
        f"without any of them it would be at most {bound:.3g} times as fast. {largest}"
    )
