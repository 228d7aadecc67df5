"""Whether a run held the keys and values, and allocated the memory, that its model and batches need."""

from __future__ import annotations

from collections.abc import Iterator

from vlm_profiling.audits.base import Check, Context, Finding, conclude, graded, not_applicable
from vlm_profiling.cost.functions import ModelCost
from vlm_profiling.cost.memory.predict import largest_batch
from vlm_profiling.record.machine import Memory
from vlm_profiling.record.schema import RunRecord
from vlm_profiling.study.dtypes import ITEM_BYTES

NAME = "memory as predicted"
ASKS = "Does the run hold the keys and values, and the memory, that its model and its batches need?"

NEAR = 0.15
"""Relative distance of predicted and measured allocations that warns. None fails: kernels differ in what they
need.
"""


def judge(context: Context) -> Finding:
    """The cache is exact in the batch's tokens, so any other size means another cache than the one FLOPs
    count with.
    """
    record, memory = context.record, context.record.memory
    if memory is None or context.cost is None:
        return not_applicable(NAME, "the record holds no memory, or the model's cost was not counted")
    checks = [*_cache_check(record, memory, context.cost), *_allocation_check(memory)]
    return (
        conclude(NAME, checks)
        if checks
        else not_applicable(NAME, "no cache was seen, and nothing was predicted")
    )


def _cache_check(record: RunRecord, memory: Memory, cost: ModelCost) -> Iterator[Check]:
    if cost.cache is None or memory.kv_cache_bytes is None:
        return
    batch = record.batches[largest_batch(record.batches)]
    width = ITEM_BYTES[record.optimization.dtype]
    expected = batch.rows * cost.cache.row_bytes(batch.prompt_tokens, batch.generated_tokens, width)
    if record.optimization.cache == "static":
        words = f"{memory.kv_cache_bytes:,} bytes allocated for keys and values, {expected:,.0f} used by the model's cost"
        yield Check(
            "pass" if memory.kv_cache_bytes >= expected else "fail", words, ("latency", "flops", "memory")
        )
        return
    words = f"{memory.kv_cache_bytes:,} bytes of keys and values, {expected:,.0f} by the model's cost"
    yield Check(
        "pass" if memory.kv_cache_bytes == expected else "fail", words, ("latency", "flops", "memory")
    )


def _allocation_check(memory: Memory) -> Iterator[Check]:
    ratio = memory.predicted_over_allocated
    if ratio is None or memory.predicted is None:
        return
    words = f"{ratio:.1%} of the measured allocations were predicted, from {memory.predicted.basis}"
    verdict = graded(abs(ratio - 1), NEAR, float("inf"))
    yield Check(verdict, words, ("memory",))
