"""How far a run is from what its device allows: its stages against each ceiling that is known."""

from __future__ import annotations

from collections.abc import Sequence

from vlm_profiling.cost.roofline.roofline import WHOLE, StageRoofline
from vlm_profiling.metrics.estimate import BYTES, FLOPS, Estimate, Unit, best_unit, unit_of_parts
from vlm_profiling.report.markdown import escape_markdown
from vlm_profiling.report.pages.parts import flag_note
from vlm_profiling.report.pages.stages import stage_term
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
    significant,
)
from vlm_profiling.tables.row import RunRow

CEILINGS = {"measured": "this machine's measured ceilings", "datasheet": "the datasheet"}
MISSING = {
    "flops": "Stages without results",
    "floor_s": "Not compared with {}",
    "launch_floor_s": "No launch floor",
}
"""What a page lacks where a field of a row is null."""
ABOUT = {
    "FLOPs": "the model's cost functions at the batch's own tokens, padding included",
    "Bytes": "the least that has to be moved: weights once, and keys and values",
    "FLOP/byte": (
        "FLOPs over bytes: above the ceiling's own ratio compute limits the stage, below it memory does"
    ),
    "Floor": (
        "the longer of FLOPs over the ceiling's matrix rate and bytes over its memory rate; of generate() "
        "the sum"
    ),
    "Time": "measured time of the stage for a full batch, mean",
    "Time / floor": "how many times as fast as measured the device would allow",
    "Bound": "compute, memory or launch where it explains at least half of the time; else unattributed",
}


def roofline_blocks(row: RunRow, stages: Sequence[StageRoofline]) -> list[Block]:
    """One run's stages against measured ceilings and datasheet, or the reasons why there is no such table."""
    blocks: list[Block] = []
    reasons: dict[str, None] = {}
    for ceiling, words in CEILINGS.items():
        own = [stage for stage in stages if stage.ceiling == ceiling]
        if any(stage.floor_s is not None for stage in own):
            blocks += [Prose(f"Against {words} ({_ceiling(own)}):"), _table(row, own), *_whole(own)]
        for stage in own:
            for name, reason in stage.absent.items():
                reasons[f"{MISSING[name].format(words)}: {escape_markdown(reason)}."] = None
    if row.gpus > 1 and blocks:
        reasons[
            f"The ceilings are those of one GPU: the layers are spread over {row.gpus}, which work one after "
            f"another."
        ] = None
    flags = dict.fromkeys(flag for stage in stages for flag in _flags(row, stage))
    return [*blocks, *(Prose(reason, note=True) for reason in reasons), *map(flag_note, flags)]


def _flags(row: RunRow, stage: StageRoofline) -> tuple[str, ...]:
    """The failed audits of a stage's time: that of generate() is the headline's."""
    return row.flags.get("latency" if stage.stage == WHOLE else "stages", ())


def _table(row: RunRow, stages: Sequence[StageRoofline]) -> Table:
    flop, byte = (
        _unit(FLOPS, [stage.flops for stage in stages]),
        _unit(BYTES, [stage.bytes for stage in stages]),
    )
    second = unit_of_parts(stage.time_s for stage in stages)
    units = {"FLOPs": flop, "Bytes": byte, "Floor": second, "Time": second}
    heads = [
        Column("Stage", text=True),
        *(
            Column(f"{title} ({units[title].name})" if title in units else title, about=ABOUT[title])
            for title in ("FLOPs", "Bytes", "FLOP/byte", "Floor", "Time", "Time / floor")
        ),
        Column("MFU (%)", "mfu"),
        Column("MBU (%)", "mbu"),
        Column("Bound", about=ABOUT["Bound"], text=True),
    ]
    lines: list[list[Cell]] = [
        [
            Term(WHOLE, about="all of generate(), from the headline pass", strong=True)
            if stage.stage == WHOLE
            else stage_term(stage.stage),
            number(stage.flops, flop),
            number(stage.bytes, byte),
            number(stage.intensity_flops_per_byte),
            number(stage.floor_s, second),
            Number(Estimate(stage.time_s, flags=_flags(row, stage)), second),
            number(stage.distance),
            number(stage.mfu, Unit("%", 0.01)),
            number(stage.mbu, Unit("%", 0.01)),
            stage.bound or NOTHING,
        ]
        for stage in stages
    ]
    return Table(heads, lines, sortable=False)


def _ceiling(stages: Sequence[StageRoofline]) -> str:
    """The rates that the stages are compared with."""
    stage = next(stage for stage in stages if stage.floor_s is not None)
    assert stage.peak_flops_per_s and stage.peak_bytes_per_s, "a floor has both rates"
    launch = (
        [f"{stage.launch_floor_s / stage.ops * 1e6:.3g} µs an operation"]
        if stage.launch_floor_s and stage.ops
        else []
    )
    flop = _unit(FLOPS, [stage.peak_flops_per_s])
    rates = [
        f"{significant(stage.peak_flops_per_s / flop.size)} {flop.name}/s in {stage.dtype}",
        f"{significant(stage.peak_bytes_per_s / 1e9)} GB/s",
    ]
    return escape_markdown(f"{stage.source}: {', '.join([*rates, *launch])}")


def _whole(stages: Sequence[StageRoofline]) -> list[Block]:
    """One sentence about all of generate()."""
    return [
        Prose(
            f"`generate()` takes {stage.distance:.3g} times the sum of its stages' floors; "
            f"{100 * stage.unattributed_share:.0f} % of its time is more than the longest of its compute, "
            "memory and launch floors.",
            note=True,
        )
        for stage in stages
        if stage.stage == WHOLE and stage.distance is not None and stage.unattributed_share is not None
    ]


def _unit(units: tuple[Unit, ...], values: Sequence[float | None]) -> Unit:
    return best_unit(units, [Estimate(value) for value in values if value is not None])
