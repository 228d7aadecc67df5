"""The audit of the key-value cache and of allocations against the model's cost functions."""

from __future__ import annotations

from collections.abc import Iterator

from vlm_profiling.audits.base import Check, Context, Finding, conclude, graded, not_applicable
from vlm_profiling.cost.functions import ModelCost
from vlm_profiling.cost.memory.predict import largest_batch
from vlm_profiling.record.machine import Memory
from vlm_profiling.record.schema import RunRecord
from vlm_profiling.study.dtypes import ITEM_BYTES

NAME = "memory as predicted"
ASKS = "Do the key-value cache and the allocated memory match what the model and its batches need?"

NEAR = 0.15
"""The relative difference of predicted and measured allocations above which it warns. It never fails, since
the workspaces of kernels are not predicted.
"""


def judge(context: Context) -> Finding:
    """The finding about the cache, whose size follows exactly from the batch's tokens, and about allocations.

    A cache of another size is another cache than the one that the FLOPs assume.
    """
    record, memory = context.record, context.record.memory
    if memory is None or context.cost is None:
        return not_applicable(NAME, "no memory was measured, or the model's cost was not counted")
    checks = [*_cache_check(record, memory, context.cost), *_allocation_check(memory)]
    return (
        conclude(NAME, checks)
        if checks
        else not_applicable(NAME, "no cache was found, and nothing was predicted")
    )


def _cache_check(record: RunRecord, memory: Memory, cost: ModelCost) -> Iterator[Check]:
    if cost.cache is None or memory.kv_cache_bytes is None:
        return
    batch = record.batches[largest_batch(record.batches)]
    width = ITEM_BYTES[record.optimization.dtype]
    expected = batch.rows * cost.cache.row_bytes(batch.prompt_tokens, batch.generated_tokens, width)
    if record.optimization.cache == "static":
        words = f"static key-value cache of {memory.kv_cache_bytes:,} bytes, at least {expected:,.0f} needed"
        yield Check(
            "pass" if memory.kv_cache_bytes >= expected else "fail", words, ("latency", "flops", "memory")
        )
        return
    words = f"key-value cache of {memory.kv_cache_bytes:,} bytes, {expected:,.0f} expected"
    yield Check(
        "pass" if memory.kv_cache_bytes == expected else "fail", words, ("latency", "flops", "memory")
    )


def _allocation_check(memory: Memory) -> Iterator[Check]:
    ratio = memory.predicted_over_allocated
    if ratio is None or memory.predicted is None:
        return
    words = f"predicted peak allocation is {ratio:.1%} of the measured one ({memory.predicted.basis})"
    verdict = graded(abs(ratio - 1), NEAR, float("inf"))
    yield Check(verdict, words, ("memory",))
