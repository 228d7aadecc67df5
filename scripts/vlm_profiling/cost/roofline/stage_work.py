"""The work of each stage of a finished run: FLOPs, the bytes that no implementation can avoid, operations
dispatched.

Bytes are the weights once a forward pass, and the key-value cache: written in prefill, read and grown by a
token in each decode step. Activations are left out, so that what follows from the bytes stays a floor.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from statistics import fmean
from typing import NamedTuple

from vlm_profiling.cost.evaluate import record_flops
from vlm_profiling.cost.functions import CostError, ModelCost
from vlm_profiling.record.schema import Batch, RunRecord, Sample
from vlm_profiling.study.dtypes import ITEM_BYTES

STAGES = ("vision", "project", "prefill", "decode")


class StageWork(NamedTuple):
    """What a stage does in a batch."""

    flops: float
    bytes: float
    ops: float | None
    """None where they were not counted."""


def stage_works(record: RunRecord, cost: ModelCost) -> dict[str, StageWork]:
    """The work of each stage, means over full batches (over all, where none is full). Raises CostError with
    what is missing.
    """
    if cost.absent or cost.weights is None or cost.cache is None or record.checkpoint is None:
        raise CostError(cost.absent or "the model's cost file lacks weights and cache; count it again")
    item_bytes = ITEM_BYTES.get(record.optimization.dtype)
    flops = record_flops(record, cost)
    if flops is None or item_bytes is None:
        raise CostError(f"no cost of a run in {record.optimization.dtype}")
    parameter_bytes = record.checkpoint.weight_bytes / record.checkpoint.parameters
    timed = record.timed_batches
    works = {}
    for stage in STAGES:
        weights_bytes = cost.weights.stage_bytes(stage, parameter_bytes)
        if weights_bytes is None:
            continue
        batches = timed.values()
        passes = [batch.generated_tokens - 1 if stage == "decode" else 1 for batch in batches]
        cache_bytes = [batch.rows * _cache_bytes(stage, batch, cost, item_bytes) for batch in batches]
        ops = getattr(cost.ops, stage, None)
        works[stage] = StageWork(
            flops=fmean(getattr(flops.batches[number], f"{stage}_flops") for number in timed),
            bytes=fmean(
                times * weights_bytes + cache for times, cache in zip(passes, cache_bytes, strict=True)
            ),
            ops=None if ops is None else fmean(passes) * ops,
        )
    _add_windows(works, cost, [sample for sample in record.samples if sample.batch in timed], len(timed))
    return works


def sum_works(works: Iterable[StageWork]) -> StageWork:
    """Several stages as one."""
    flops, moved, ops = zip(*works, strict=True)
    return StageWork(sum(flops), sum(moved), None if None in ops else sum(ops))


def _cache_bytes(stage: str, batch: Batch, cost: ModelCost, item_bytes: int) -> float:
    """Of one row's key-value cache, read and written."""
    assert cost.cache is not None
    if stage == "prefill":
        return cost.cache.row_bytes(batch.prompt_tokens, 1, item_bytes)
    if stage == "decode":
        # every step reads the cache and writes one token more: linear in the step, so the mean of the first
        # and the last
        first, last = (
            cost.cache.row_bytes(batch.prompt_tokens, tokens, item_bytes)
            for tokens in (2, batch.generated_tokens)
        )
        return (batch.generated_tokens - 1) * (first + last) / 2
    return 0.0


def _add_windows(
    works: dict[str, StageWork], cost: ModelCost, samples: Sequence[Sample], batches: int
) -> None:
    """Operations of an encoder that attends in one window after the other, beyond those of the first window
    of a batch.
    """
    window = cost.flops.vision.window if cost.flops and cost.flops.vision else None
    work = works.get("vision")
    if window is None or work is None or work.ops is None or cost.ops is None:
        return
    grids = [(sample.encoded_images, *(sample.vision_grid or (0, 0))) for sample in samples]
    windows = sum(images * -(-rows // window) * -(-columns // window) for images, rows, columns in grids)
    works["vision"] = work._replace(ops=work.ops + cost.ops.vision_per_window * (windows / batches - 1))
