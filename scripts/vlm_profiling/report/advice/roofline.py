"""Hints from what the device allows: the distance of each stage to its floor, and the room for larger
batches.
"""

from __future__ import annotations

from collections.abc import Iterator

from vlm_profiling.cost.roofline.roofline import Bound, StageRoofline
from vlm_profiling.metrics.stages import STAGES
from vlm_profiling.report.advice.base import MIN_SHARE, Alternative, Hint, Subject, at_most, percent

REMEDIES: dict[Bound, str] = {
    "compute": "Bring the stage {} nearer to the matrix rate: a narrower dtype, fewer tokens, better kernels",
    "memory": "Bring the stage {} nearer to the bandwidth, or read less: fewer bytes a weight, a smaller "
    "cache",
    "launch": "Launch fewer operations in the stage {}: compile it, or replay CUDA graphs",
    "unattributed": "Find out what the stage {} waits for: neither compute nor memory nor launches explain "
    "its time (take a trace)",
}


def distance_to_floor(subject: Subject) -> Iterator[Hint]:
    """A stage whose time above its floor is at least MIN_SHARE of the whole: the gain at the floor."""
    for stage, row in subject.roofline.items():
        timed = subject.stages.get(stage)
        if timed is None or row.floor_s is None or row.bound is None:
            continue
        title = STAGES[stage].title
        excess = timed.share * max(0.0, 1 - row.floor_s / row.time_s)
        if excess >= MIN_SHARE:
            yield Hint(
                REMEDIES[row.bound].format(title),
                at_most(excess),
                f"{title} takes {percent(timed.share)} of the time, {_used(row)}",
            )


def room_for_batches(subject: Subject) -> Iterator[Hint]:
    """Batches up to the ridge, where decode would need as long to compute as to read.

    Its floor per sample falls until there.

    From two batch sizes: compute floor = c b, memory floor = w + k b (weights once, cache per sample); they
    meet at b = w / (c - k). Bound: all of decode at its floor at the ridge.
    """
    row, timed = subject.roofline.get("decode"), subject.stages.get("decode")
    others = [
        found
        for found in subject.alternatives
        if found.axis == "batch_size" and _floors(found.roofline.get("decode"))
    ]
    if row is None or timed is None or not _floors(row) or not others:
        return
    other = max(others, key=lambda found: abs(found.row.batch_size - subject.row.batch_size))
    ridge = ridge_batch(subject.row.batch_size, row, other)
    if ridge is None or ridge <= subject.row.batch_size or row.compute_floor_s is None:
        return
    if not _pays(subject.row.batch_size, row, other):
        return
    gone = timed.share * (1 - row.compute_floor_s / row.time_s)
    if gone >= MIN_SHARE:
        there = other.roofline["decode"]
        evidence = (
            f"decode reaches {percent(row.mbu or 0)} of the bandwidth at batch size {subject.row.batch_size} "
            f"and {percent(there.mbu or 0)} at {other.row.batch_size}; memory bounds it up to about "
            f"{ridge:,.0f} ({_against(row)})"
        )
        yield Hint(
            f"Use larger batches, up to {ridge:,.0f} samples, as far as memory and waiting time allow",
            at_most(gone),
            evidence,
        )


def ridge_batch(batch_size: int, row: StageRoofline, other: Alternative) -> float | None:
    """The batch size at which the floors of compute and memory are equal.

    None where memory bounds any batch, or compute this one.
    """
    there = other.roofline["decode"]
    floors = row.compute_floor_s, row.memory_floor_s, there.memory_floor_s
    compute_s, memory_s, memory_there_s = floors
    if compute_s is None or memory_s is None or memory_there_s is None:
        return None
    per_sample_s = (memory_there_s - memory_s) / (other.row.batch_size - batch_size)
    once_s = memory_s - per_sample_s * batch_size
    gap_s = compute_s / batch_size - per_sample_s
    return once_s / gap_s if gap_s > 0 and once_s > 0 else None


def _pays(batch_size: int, row: StageRoofline, other: Alternative) -> bool:
    """Whether decode really took less time per sample in the larger of the two batches."""
    here_s, there_s = row.time_s / batch_size, other.roofline["decode"].time_s / other.row.batch_size
    return (there_s < here_s) == (other.row.batch_size > batch_size)


def _floors(row: StageRoofline | None) -> bool:
    return row is not None and row.compute_floor_s is not None and row.memory_floor_s is not None


def _used(row: StageRoofline) -> str:
    times = row.time_s / row.floor_s if row.floor_s else 0.0
    used = f"MFU {percent(row.mfu or 0)}, MBU {percent(row.mbu or 0)}"
    return f"{times:.3g} times its floor ({used}, bound: {row.bound}, {_against(row)})"


def _against(row: StageRoofline) -> str:
    return (
        "relative to the ceiling measured here"
        if row.ceiling == "measured"
        else f"relative to the datasheet, {row.source}"
    )
