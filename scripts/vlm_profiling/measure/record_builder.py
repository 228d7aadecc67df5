"""The parts of a record that need no pass of their own: what was asked, the published values, samples."""

from __future__ import annotations

import datetime
from collections.abc import Sequence

from vlm_profiling.measure.environment.describe import describe_environment
from vlm_profiling.measure.passes.headline import BatchResult, InputBatch
from vlm_profiling.measure.request import RunRequest
from vlm_profiling.quality.score import SampleScore
from vlm_profiling.record.schema import (
    SCHEMA_VERSION,
    Dataset,
    Headline,
    Optimization,
    RunRecord,
    Sample,
    timed_batches,
)
from vlm_profiling.statistics.intervals import ratio_interval
from vlm_profiling.statistics.summary import distribution


def empty_record(request: RunRequest) -> RunRecord:
    """A record that says what is about to be measured, and where."""
    import torch

    return RunRecord(
        schema_version=SCHEMA_VERSION,
        protocol_version=request.spec.protocol_version,
        key=request.spec.key,
        model=request.checkpoint.name,
        dataset_name=request.dataset.name,
        point=request.point,
        optimization=Optimization(**request.optimization.model_dump()),
        status="ok",
        spec=request.spec.json,
        code_sha256=request.code_sha256,
        started_at=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        duration_s=0.0,
        dataset=Dataset(
            source=request.dataset.source,
            revision=request.dataset.revision,
            content_sha256=request.dataset.content_sha256,
            samples=len(request.samples),
            split=request.dataset.split,
            prompt=request.dataset.prompt,
            licence=request.dataset.licence,
        ),
        environment=describe_environment(
            request.point.device, request.lock, torch.get_num_threads(), request.container_image, request.gpus
        ),
    )


def headline(results: Sequence[BatchResult], passes: int) -> Headline:
    """The published figures. Latencies over full batches (a run smaller than one batch has only its partial
    one).
    """
    times = [result.times for result in results]
    full = timed_batches(times).values()
    end_to_end_s = [batch.end_to_end_s for batch in times]
    rows = [batch.rows for batch in times]
    tokens = [sum(result.generated_counts) for result in results]
    return Headline(
        passes=passes,
        generate=distribution([batch.generate_s for batch in full]),
        end_to_end=distribution([batch.end_to_end_s for batch in full]),
        generate_per_sample=distribution([batch.generate_s / batch.rows for batch in full]),
        output_tokens_per_s=sum(tokens) / sum(end_to_end_s),
        output_tokens_per_s_interval=ratio_interval(tokens, end_to_end_s),
        samples_per_s=sum(rows) / sum(end_to_end_s),
        samples_per_s_interval=ratio_interval(rows, end_to_end_s),
        partial_batch=next((batch for batch in times if not batch.full), None),
    )


def sample_rows(
    results: Sequence[BatchResult], batches: Sequence[InputBatch], scores: Sequence[SampleScore]
) -> list[Sample]:
    """One entry a sample, in the order they were asked.

    Args:
        results: of the headline, batch by batch.
        batches: the same batches.
        scores: one a sample, in the same order.
    """
    in_order = iter(scores)
    rows: list[Sample] = []
    for result, batch in zip(results, batches, strict=True):
        prepared = result.prepared
        for row, sample in enumerate(batch.samples):
            scored = next(in_order)
            rows.append(
                Sample(
                    id=sample.id,
                    batch=batch.index,
                    request=sample.request,
                    prompt=prepared.prompts[row],
                    references=sample.references,
                    answer=result.answers[row],
                    prompt_tokens=prepared.prompt_tokens[row],
                    image_tokens=prepared.image_tokens[row],
                    generated_tokens=result.generated_counts[row],
                    truncated_tokens=prepared.truncated_tokens[row],
                    added_tokens=prepared.added_tokens[row],
                    image_size=batch.image_sizes[row],
                    given_frames=prepared.frames[row],
                    video_frames=sample.video and sample.video.frames,
                    encoded_images=prepared.encoded_images[row],
                    vision_grid=prepared.vision_grids[row],
                    effective_size=prepared.effective_sizes[row],
                    wer=scored.wer,
                    exact_match=scored.exact_match,
                    standard=scored.standard,
                )
            )
    return rows
