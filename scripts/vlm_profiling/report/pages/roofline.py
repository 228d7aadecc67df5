"""How far a run is from what its device allows, for the pages: a table of its stages against each ceiling
that is known.
"""

from __future__ import annotations

from collections.abc import Sequence

from vlm_profiling.cost.roofline.roofline import WHOLE, StageRoofline
from vlm_profiling.metrics.estimate import BYTES, FLAG, FLOPS, Estimate, Unit, best_unit, unit_of_parts
from vlm_profiling.report.markdown import escape_markdown, table
from vlm_profiling.report.pages.tables import NOTHING, show
from vlm_profiling.tables.row import RunRow

CEILINGS = {"measured": "this machine's ceilings", "datasheet": "the datasheet"}


def roofline_table(cell: RunRow, rows: Sequence[StageRoofline]) -> str:
    """One run's stages against measured ceilings and datasheet; in words, why there is no such table."""
    parts, reasons = [], {}
    for ceiling, words in CEILINGS.items():
        own = [row for row in rows if row.ceiling == ceiling]
        if any(row.floor_s is not None for row in own):
            parts += [f"Against {words} ({_ceiling(own)}):", _table(cell, own), *_whole(own)]
        for row in own:
            for name, reason in row.absent.items():
                reasons[f"{_MISSING[name].format(words)}: {escape_markdown(reason)}."] = None
    if cell.gpus > 1 and parts:
        parts.append(
            f"The ceilings are those of one GPU: the layers lie on {cell.gpus}, one after another, and one works at a time."
        )
    flags = dict.fromkeys(flag for row in rows for flag in _doubts(cell, row))
    return "\n\n".join([*parts, *reasons, *(f"{FLAG} {escape_markdown(flag)}." for flag in flags)])


def _doubts(cell: RunRow, row: StageRoofline) -> tuple[str, ...]:
    """The failed audits of a row's time: that of generate() is the headline's."""
    return cell.flags.get("latency" if row.stage == WHOLE else "stages", ())


_MISSING = {
    "flops": "Stages without figures",
    "floor_s": "Not compared with {}",
    "launch_floor_s": "No floor of launching",
}
"""What a reader misses where a field of a row is null."""


def _table(cell: RunRow, rows: Sequence[StageRoofline]) -> str:
    flop, byte = _unit(FLOPS, [row.flops for row in rows]), _unit(BYTES, [row.bytes for row in rows])
    second = unit_of_parts(row.time_s for row in rows)
    heading = [
        "Stage",
        f"FLOPs ({flop.name})",
        f"Bytes ({byte.name})",
        "FLOP/byte",
        f"Floor ({second.name})",
        f"Time ({second.name})",
        "Time / floor",
        "MFU (%)",
        "MBU (%)",
        "Bound",
    ]
    lines = [
        [
            f"**{row.stage}**" if row.stage == WHOLE else row.stage,
            _number(row.flops, flop.size),
            _number(row.bytes, byte.size),
            _number(row.intensity_flops_per_byte),
            _number(row.floor_s, second.size),
            show(Estimate(row.time_s, flags=_doubts(cell, row)), second),
            _number(row.distance),
            _number(row.mfu, 0.01),
            _number(row.mbu, 0.01),
            row.bound or NOTHING,
        ]
        for row in rows
    ]
    return table(heading, lines)


def _ceiling(rows: Sequence[StageRoofline]) -> str:
    """The numbers that the rows were held against."""
    row = next(row for row in rows if row.floor_s is not None)
    launch = (
        [f"{row.launch_floor_s / row.ops * 1e6:.3g} µs an operation"]
        if row.launch_floor_s and row.ops
        else []
    )
    flop = _unit(FLOPS, [row.peak_flops_per_s])
    rates = [
        f"{_number(row.peak_flops_per_s, flop.size)} {flop.name}/s in {row.dtype}",
        f"{_number(row.peak_bytes_per_s, 1e9)} GB/s",
    ]
    return escape_markdown(f"{row.source}: {', '.join([*rates, *launch])}")


def _whole(rows: Sequence[StageRoofline]) -> list[str]:
    """One sentence about all of generate()."""
    return [
        f"`generate()` takes {row.distance:.3g} times the sum of its stages' floors; {100 * row.unattributed_share:.0f} % of its "
        "time lies beyond the longest of its compute, memory and launch floors."
        for row in rows
        if row.stage == WHOLE and row.distance is not None and row.unattributed_share is not None
    ]


def _unit(units: tuple[Unit, ...], values: Sequence[float | None]) -> Unit:
    return best_unit(units, [Estimate(value) for value in values if value is not None])


def _number(value: float | None, size: float = 1.0) -> str:
    return NOTHING if value is None else show(Estimate(value / size), _ONE)


_ONE = Unit("", 1.0)
