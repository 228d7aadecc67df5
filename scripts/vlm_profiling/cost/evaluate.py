"""FLOPs of finished runs: a model's cost functions at the tokens that the records hold.

100,000 records take seconds: equal rows and batches recur, so each is evaluated once.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from msgspec import Struct

from vlm_profiling.cost.functions import (
    CostBreakdown,
    CostError,
    Grid,
    ModelCost,
    StageFlops,
    Work,
    work_flops,
)
from vlm_profiling.record.schema import Batch, RunRecord, Sample


class RunFlops(Struct, frozen=True):
    """FLOPs of a run's first headline pass."""

    batches: list[CostBreakdown]
    """In the order of the record's batches."""
    total: CostBreakdown


def record_flops(record: RunRecord, cost: ModelCost) -> RunFlops | None:
    """FLOPs of a run, batch by batch and in total; None where the run has no batches or the model no cost
    functions.

    Raises CostError when the record lacks what the cost depends on.
    """
    if cost.flops is None or not record.batches:
        return None
    batch_flops = _evaluator(cost.flops)
    rows: list[list[Sample]] = [[] for _ in record.batches]
    for sample in record.samples:
        rows[sample.batch].append(sample)
    batches = [batch_flops(batch, samples) for batch, samples in zip(record.batches, rows, strict=True)]
    return RunFlops(batches, _column_sums(batches))


@cache
def _evaluator(flops: StageFlops) -> Callable[[Batch, list[Sample]], CostBreakdown]:
    @cache
    def one_row(
        prompt_tokens: int, generated_tokens: int, qformer_tokens: int, images: int, grid: Grid | None
    ) -> CostBreakdown:
        work = Work(
            grids=(grid,) * images,
            rows=1,
            prompt_tokens=prompt_tokens,
            generated_tokens=generated_tokens,
            qformer_tokens=qformer_tokens,
        )
        return work_flops(flops, work)

    def batch_flops(batch: Batch, samples: list[Sample]) -> CostBreakdown:
        if len(samples) != batch.rows:
            raise CostError(f"a batch of {batch.rows} rows with {len(samples)} samples")
        first = samples[0]
        shown = (first.encoded_images, first.vision_grid)
        padded = one_row(batch.prompt_tokens, batch.generated_tokens, batch.qformer_tokens, *shown)
        if (
            batch.rows == 1
            and first.prompt_tokens == batch.prompt_tokens
            and first.generated_tokens == batch.generated_tokens
        ):
            return padded
        alone = [
            one_row(
                row.prompt_tokens,
                row.generated_tokens,
                batch.qformer_tokens,
                row.encoded_images,
                row.vision_grid,
            )
            for row in samples
        ]
        vision, project, own_prefill, own_decode, _ = _column_sums(alone)
        prefill, decode = batch.rows * padded.prefill_flops, batch.rows * padded.decode_flops
        return CostBreakdown(
            vision, project, prefill, decode, padding_flops=prefill + decode - own_prefill - own_decode
        )

    return batch_flops


def _column_sums(parts: list[CostBreakdown]) -> CostBreakdown:
    if parts[0].vision_flops is None:
        return CostBreakdown(None, *(sum(column) for column in list(zip(*parts, strict=True))[1:]))
    return CostBreakdown(*map(sum, zip(*parts, strict=True)))
