"""Whether latency, energy, FLOPs and answers speak of the same work."""

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
ASKS = "Do latency, energy and FLOPs speak of the same batches and tokens?"

EXACT = 1e-6
"""Relative difference that sums of floating-point numbers may have."""


def judge(context: Context) -> Finding:
    """The figures are recomputed from the record's batches and samples, and the FLOPs from those same tokens."""
    record = context.record
    faults = [
        *_batch_faults(record),
        *_token_faults(record),
        *_headline_faults(record),
        *_energy_faults(record),
    ]
    return conclude(NAME, faults or [_flops_check(context)])


def _batch_faults(record: RunRecord) -> Iterator[Check]:
    """A full batch has as many rows as asked; only the last may have fewer, and is then not a full one."""
    asked = record.point.batch_size
    for number, (batch, rows) in enumerate(zip(record.batches, _rows(record), strict=True)):
        if len(rows) != batch.rows:
            yield _fault(
                f"batch {number} of {batch.rows} rows has {len(rows)} samples", "latency", "flops", "energy"
            )
        if batch.full != (batch.rows == asked):
            counted = "counted as a full one" if batch.full else "left out as a partial one"
            yield _fault(
                f"batch {number} of {batch.rows} rows is {counted}; full is {asked}", "latency", "flops"
            )


def _token_faults(record: RunRecord) -> Iterator[Check]:
    """A batch is as long as its longest row, and no answer is longer than the protocol allows."""
    longest_answer = json.loads(record.spec).get("protocol", {}).get("max_new_tokens")
    for number, (batch, rows) in enumerate(zip(record.batches, _rows(record), strict=True)):
        generated = max((row.generated_tokens for row in rows), default=0)
        prompt = max((row.prompt_tokens for row in rows), default=0)
        if batch.generated_tokens != generated:
            yield _fault(
                f"batch {number} generated {batch.generated_tokens} tokens, its longest row {generated}",
                "flops",
            )
        if batch.prompt_tokens < prompt:
            yield _fault(
                f"batch {number} read {batch.prompt_tokens} tokens, its longest row has {prompt}", "flops"
            )
        if longest_answer is not None and generated > longest_answer:
            yield _fault(
                f"batch {number} generated {generated} tokens, max_new_tokens is {longest_answer}",
                "latency",
                "flops",
            )


def _headline_faults(record: RunRecord) -> Iterator[Check]:
    """The published latencies and rates are those of the recorded batches and tokens."""
    assert record.headline is not None  # every finished run has one
    for name, published, recomputed in _headline_figures(record, record.headline):
        if not isclose(published, recomputed, rel_tol=EXACT):
            yield _fault(
                f"{name} is {published:.6g}, its batches and samples give {recomputed:.6g}", "latency"
            )


def _headline_figures(record: RunRecord, headline: Headline) -> Iterator[tuple[str, float, float]]:
    full = [batch for batch in record.batches if batch.full] or record.batches
    end_to_end_s = sum(batch.end_to_end_s for batch in record.batches)
    tokens = sum(sample.generated_tokens for sample in record.samples)
    yield "the number of batches behind the latency", headline.generate.n, len(full)
    yield "latency per batch", headline.generate.mean_s, sum(batch.generate_s for batch in full) / len(full)
    yield (
        "end to end per batch",
        headline.end_to_end.mean_s,
        sum(batch.end_to_end_s for batch in full) / len(full),
    )
    yield "output tokens per second", headline.output_tokens_per_s, tokens / end_to_end_s
    yield "samples per second", headline.samples_per_s, len(record.samples) / end_to_end_s


def _energy_faults(record: RunRecord) -> Iterator[Check]:
    """Joules a sample and a token share one window, so their ratio is the tokens of a sample."""
    tokens = sum(sample.generated_tokens for sample in record.samples) / len(record.samples)
    for joules in _joules(record):
        if not isclose(joules.per_sample_j, joules.per_token_j * tokens, rel_tol=EXACT):
            ratio = joules.per_sample_j / joules.per_token_j
            yield _fault(
                f"the energy is of {ratio:.4g} tokens a sample, the answers have {tokens:.4g}", "energy"
            )


def _joules(record: RunRecord) -> list[Joules]:
    found = (record.energy.gpu, record.energy.cpu) if record.energy else ()
    return [joules for joules in found if joules]


def _flops_check(context: Context) -> Check:
    """The FLOPs of the very tokens that were timed; where there are none, what else agrees."""
    record = context.record
    full = sum(batch.full for batch in record.batches)
    same = f"{full} full batches and {len(record.samples)} samples give the published figures"
    if context.cost is None:
        return Check("pass", f"{same}; the model's cost was not counted")
    try:
        flops = record_flops(record, context.cost)
    except CostError as error:
        return Check("warn", f"{same}; no FLOPs: {error}", ("flops",))
    if flops is None:
        return Check("pass", f"{same}; no FLOPs: {context.cost.absent}")
    total = flops.total
    return Check(
        "pass",
        f"{same}; {total.total_flops:.4g} FLOPs of the same tokens, {total.padding_share:.1%} of them padding",
    )


def _rows(record: RunRecord) -> list[list[Sample]]:
    """The samples of each batch."""
    rows: list[list[Sample]] = [[] for _ in record.batches]
    for sample in record.samples:
        rows[sample.batch].append(sample)
    return rows


def _fault(evidence: str, *figures: FigureKind) -> Check:
    return Check("fail", evidence, figures)
