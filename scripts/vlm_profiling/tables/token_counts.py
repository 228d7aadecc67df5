"""The work a run did, from its own recorded tokens: what latency, energy and FLOPs all speak of."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from msgspec import field

from vlm_profiling.cost.evaluate import RunFlops, record_flops
from vlm_profiling.cost.functions import CostError, ModelCost
from vlm_profiling.record.schema import RunRecord
from vlm_profiling.record.sections import Section


class RunWork(Section, kw_only=True):
    """Tokens, sizes and FLOPs of a run. Figures per batch are means over full batches, as latency is."""

    prompt_tokens_mean: float
    """Unpadded, image tokens included."""
    image_tokens_mean: float
    frames_mean: float
    """Images given of a sample: 1, or frames of its video."""
    generated_tokens_mean: float
    truncated_samples: int
    """Samples whose text was really cut, by max_input_len or prompt_len."""
    lengthened_samples: int
    """Samples whose text was really lengthened by prompt_len."""
    effective_sizes: dict[str, int] = field(default_factory=dict)
    """Samples by width x height in pixels that the model really saw."""
    vision_grids: dict[str, int] = field(default_factory=dict)
    """Samples by rows x columns of patches."""
    batch_flops: float | None = None
    batch_flops_std: float | None = None
    """Sample standard deviation over full batches; null for one batch."""
    batch_vision_flops: float | None = None
    """Null also where the architecture has no vision encoder."""
    batch_project_flops: float | None = None
    batch_prefill_flops: float | None = None
    batch_decode_flops: float | None = None
    padding_share: float | None = None
    """Share of the FLOPs of all batches spent on padding, 0 to 1."""
    flops_absent: str | None = None
    """Why there are no FLOPs; null where there are."""


def run_work(record: RunRecord, cost: ModelCost | None) -> RunWork:
    """The work of a finished run, its FLOPs by the model's cost functions."""
    samples = record.samples
    work = RunWork(
        prompt_tokens_mean=_mean([sample.prompt_tokens for sample in samples]),
        image_tokens_mean=_mean([sample.image_tokens for sample in samples]),
        frames_mean=_mean([sample.given_frames for sample in samples]),
        generated_tokens_mean=_mean([sample.generated_tokens for sample in samples]),
        truncated_samples=sum([sample.truncated_tokens > 0 for sample in samples]),
        lengthened_samples=sum([sample.added_tokens > 0 for sample in samples]),
        effective_sizes=_count_pairs([sample.effective_size for sample in samples]),
        vision_grids=_count_pairs([sample.vision_grid for sample in samples]),
    )
    if cost is None:
        work.flops_absent = "the model's cost was not counted"
        return work
    try:
        flops = record_flops(record, cost)
    except CostError as error:
        work.flops_absent = str(error)
        return work
    if flops is None:
        work.flops_absent = cost.absent
    else:
        _add_flops(work, record, flops)
    return work


def _add_flops(work: RunWork, record: RunRecord, flops: RunFlops) -> None:
    full = [flops.batches[number] for number in record.timed_batches]
    work.batch_flops, work.batch_flops_std = _mean_std([cost.total_flops for cost in full])
    work.batch_vision_flops = (
        None if flops.total.vision_flops is None else _mean([cost.vision_flops or 0 for cost in full])
    )
    work.batch_project_flops = _mean([cost.project_flops for cost in full])
    work.batch_prefill_flops = _mean([cost.prefill_flops for cost in full])
    work.batch_decode_flops = _mean([cost.decode_flops for cost in full])
    work.padding_share = flops.total.padding_share


def _mean(values: Sequence[int]) -> float:
    """The mean of integers: their sum is exact, whatever their size."""
    return sum(values) / len(values)


def _mean_std(values: Sequence[int]) -> tuple[float, float | None]:
    mean = _mean(values)
    if len(values) == 1:
        return mean, None
    return mean, math.sqrt(sum([(value - mean) ** 2 for value in values]) / (len(values) - 1))


def _count_pairs(pairs: Iterable[tuple[int, int] | None]) -> dict[str, int]:
    """How often each pair occurs, as text: {"336x336": 96}."""
    counts: dict[tuple[int, int], int] = {}  # a Counter takes longer to make than these few take to count
    for pair in pairs:
        if pair:
            counts[pair] = counts.get(pair, 0) + 1
    return {f"{first}x{second}": count for (first, second), count in counts.items()}
