"""A run whose cache or allocations are not those of its model and batches is caught."""

from __future__ import annotations

import msgspec
import pytest
from auditing import context_of
from factories import make_cost, make_record

from vlm_profiling.audits import memory as memory_audit
from vlm_profiling.audits.base import Finding
from vlm_profiling.cost.functions import CacheElements, ModelCost
from vlm_profiling.record.machine import Memory, PredictedMemory

COST = msgspec.structs.replace(make_cost(), cache=CacheElements(per_prompt_token=10, per_generated_token=10))


def judged(kv_cache_bytes: int | None, ratio: float | None, cost: ModelCost | None = COST) -> Finding:
    parts = dict.fromkeys(
        ("weight_bytes", "kv_cache_bytes", "activation_bytes", "overhead_bytes", "allocated_bytes"), 1
    )
    predicted = (
        None if ratio is None else PredictedMemory(**parts, peak_bytes=5, basis="the prepared batches")
    )
    memory = Memory(kv_cache_bytes=kv_cache_bytes, predicted=predicted, predicted_over_allocated=ratio)
    return memory_audit.judge(context_of(make_record(memory=memory), cost=cost))


def expected_bytes() -> int:
    """Of the largest batch: both rows, all prompt tokens and all generated ones but the last, 10 elements of
    4 bytes each.
    """
    batch = max(make_record().batches, key=lambda batch: batch.prompt_tokens)
    return 2 * (batch.prompt_tokens + batch.generated_tokens - 1) * 10 * 4


def test_the_cache_that_the_cost_counts_passes() -> None:
    assert judged(expected_bytes(), 1.02).verdict == "pass"


@pytest.mark.parametrize("kv_cache_bytes", [0, 1])
def test_a_run_without_its_cache_fails_and_marks_its_latency(kv_cache_bytes: int) -> None:
    """As with use_cache: false, where every step reads the whole prompt again; or with a cache of half the
    width.
    """
    finding = judged(kv_cache_bytes * expected_bytes() // 2, 1.0)
    assert (finding.verdict, finding.figures) == ("fail", ("latency", "flops", "memory"))
    assert f"{expected_bytes():,} expected" in finding.evidence


@pytest.mark.parametrize(
    ("ratio", "verdict"), [(0.84, "warn"), (0.86, "pass"), (1.14, "pass"), (1.16, "warn")]
)
def test_allocations_far_from_the_prediction_are_a_warning(ratio: float, verdict: str) -> None:
    finding = judged(expected_bytes(), ratio)
    assert finding.verdict == verdict
    assert finding.figures == (("memory",) if verdict == "warn" else ())


def test_without_a_cost_or_anything_measured_it_does_not_apply() -> None:
    assert judged(None, None).verdict == "not applicable"
    assert judged(5, 1.0, cost=None).verdict == "not applicable"
