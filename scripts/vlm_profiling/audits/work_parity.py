"""The audit of figures of one run that cover different batches or tokens."""

from __future__ import annotations

import json
from collections.abc import Iterator
from math import isclose

from vlm_profiling.audits.base import Check, Context, FigureKind, Finding, conclude
from vlm_profiling.cost.evaluate import record_flops
from vlm_profiling.cost.functions import CostError
from vlm_profiling.record.machine import Joules
from vlm_profiling.record.schema import Headline, RunRecord, Sample

NAME = "work parity"
ASKS = "Do latency, energy and FLOPs cover the same batches and tokens?"

EXACT = 1e-6
"""The relative rounding error allowed in sums of floating-point numbers."""


def judge(context: Context) -> Finding:
    """The finding about the figures, recomputed from the record's batches, samples and tokens."""
    record = context.record
    faults = [
        *_batch_faults(record),
        *_token_faults(record),
        *_headline_faults(record),
        *_energy_faults(record),
    ]
    return conclude(NAME, faults or [_flops_check(context)])


def _batch_faults(record: RunRecord) -> Iterator[Check]:
    """Batches whose rows do not match their samples, or that are wrongly counted as full or partial."""
    asked = record.point.batch_size
    for number, (batch, rows) in enumerate(zip(record.batches, _rows(record), strict=True)):
        if len(rows) != batch.rows:
            words = f"batch {number} of {batch.rows} rows has {len(rows)} samples"
            yield _fault(words, "latency", "flops", "energy")
        if batch.full != (batch.rows == asked):
            counted = "counted as full" if batch.full else "left out as partial"
            words = f"batch {number} of {batch.rows} rows is {counted}; the batch size is {asked}"
            yield _fault(words, "latency", "flops")


def _token_faults(record: RunRecord) -> Iterator[Check]:
    """Batches not as long as their longest row, and answers longer than `protocol.max_new_tokens`."""
    longest_answer = json.loads(record.spec).get("protocol", {}).get("max_new_tokens")
    for number, (batch, rows) in enumerate(zip(record.batches, _rows(record), strict=True)):
        generated = max((row.generated_tokens for row in rows), default=0)
        prompt = max((row.prompt_tokens for row in rows), default=0)
        if batch.generated_tokens != generated:
            words = f"batch {number} generated {batch.generated_tokens} tokens, its longest row {generated}"
            yield _fault(words, "flops")
        if batch.prompt_tokens < prompt:
            words = f"batch {number} read {batch.prompt_tokens} tokens, its longest row has {prompt}"
            yield _fault(words, "flops")
        if longest_answer is not None and generated > longest_answer:
            words = f"batch {number} generated {generated} tokens, max_new_tokens is {longest_answer}"
            yield _fault(words, "latency", "flops")


def _headline_faults(record: RunRecord) -> Iterator[Check]:
    """Published latencies and rates that do not follow from the recorded batches and tokens."""
    assert record.headline is not None  # every finished run has one
    for name, published, recomputed in _headline_figures(record, record.headline):
        if not isclose(published, recomputed, rel_tol=EXACT):
            words = f"{name} is {published:.6g}, but its batches and samples give {recomputed:.6g}"
            yield _fault(words, "latency")


def _headline_figures(record: RunRecord, headline: Headline) -> Iterator[tuple[str, float, float]]:
    full = list(record.timed_batches.values())
    end_to_end_s = sum(batch.end_to_end_s for batch in record.batches)
    tokens = sum(sample.generated_tokens for sample in record.samples)
    yield "the number of timed batches", headline.generate.n, len(full)
    yield "latency per batch", headline.generate.mean_s, sum(batch.generate_s for batch in full) / len(full)
    yield (
        "end-to-end latency per batch",
        headline.end_to_end.mean_s,
        sum(batch.end_to_end_s for batch in full) / len(full),
    )
    yield "output tokens per second", headline.output_tokens_per_s, tokens / end_to_end_s
    yield "samples per second", headline.samples_per_s, len(record.samples) / end_to_end_s


def _energy_faults(record: RunRecord) -> Iterator[Check]:
    """Energy per sample and per token whose ratio is not the mean number of tokens per sample."""
    tokens = sum(sample.generated_tokens for sample in record.samples) / len(record.samples)
    for joules in _joules(record):
        if not isclose(joules.per_sample_j, joules.per_token_j * tokens, rel_tol=EXACT):
            ratio = joules.per_sample_j / joules.per_token_j
            words = f"the energy implies {ratio:.4g} tokens per sample, the answers have {tokens:.4g}"
            yield _fault(words, "energy")


def _joules(record: RunRecord) -> list[Joules]:
    found = (record.energy.gpu, record.energy.cpu) if record.energy else ()
    return [joules for joules in found if joules]


def _flops_check(context: Context) -> Check:
    """The check that FLOPs can be evaluated at the tokens that were timed."""
    record = context.record
    full = sum(batch.full for batch in record.batches)
    same = f"{full} full batches and {len(record.samples)} samples reproduce the published figures"
    if context.cost is None:
        return Check("pass", f"{same}; the model's cost was not counted")
    try:
        flops = record_flops(record, context.cost)
    except CostError as error:
        return Check("warn", f"{same}; no FLOPs: {error}", ("flops",))
    if flops is None:
        return Check("pass", f"{same}; no FLOPs: {context.cost.absent}")
    total = flops.total
    flops_of = f"{total.total_flops:.4g} FLOPs for the same tokens, {total.padding_share:.1%} of them padding"
    return Check("pass", f"{same}; {flops_of}")


def _rows(record: RunRecord) -> list[list[Sample]]:
    """The samples by batch."""
    rows: list[list[Sample]] = [[] for _ in record.batches]
    for sample in record.samples:
        rows[sample.batch].append(sample)
    return rows


def _fault(evidence: str, *figures: FigureKind) -> Check:
    return Check("fail", evidence, figures)
