"""Synthetic records whose parts agree with each other: batches with their distribution, samples with their
quality.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from statistics import fmean, median, stdev
from typing import Any

import msgspec

from vlm_profiling.cost.functions import (
    CONVENTION,
    CacheElements,
    DecodeFlops,
    ModelCost,
    OpCounts,
    PrefillFlops,
    ProjectFlops,
    StageFlops,
    VisionFlops,
    WeightReads,
)
from vlm_profiling.cost.roofline.ceilings import Best, Ceilings, MatrixRate
from vlm_profiling.record.breakdown import Block, Layers, LayerTime, Repeats, Serving, Stages, StageTime
from vlm_profiling.record.machine import BoardJoules, Energy, Environment, Gpu, GpuMemory, Joules, Memory
from vlm_profiling.record.schema import (
    SCHEMA_VERSION,
    Batch,
    Checkpoint,
    Dataset,
    Failure,
    Headline,
    Optimization,
    Quality,
    RunRecord,
    Sample,
    Status,
    Warmup,
)
from vlm_profiling.record.sections import Distribution, Interval
from vlm_profiling.study import Run
from vlm_profiling.study.point import Point

QUESTIONS = (
    ("what color is the shape?", "blue"),
    ("is there a circle?", "yes"),
    ("what shape is in the image?", "triangle"),
    ("does the image not contain a rectangle?", "no"),
)
GIBIBYTE = 2**30


def make_record(
    *,
    samples: int = 8,
    point: Point | None = None,
    generate_s: float = 0.04,
    noise: float = 0.05,
    accuracy: float | None = 0.75,
    side: int = 224,
    seed: int = 0,
    **overrides: Any,
) -> RunRecord:
    """A finished run: `generate_s` seconds a batch on average; `accuracy` None means random weights.
    Overrides win.
    """
    point = point or Point(device="cpu", optimization="fp32", batch_size=2)
    draw = random.Random(seed)
    sizes = [min(point.batch_size, samples - start) for start in range(0, samples, point.batch_size)]
    asked = [_sample(number, number // point.batch_size, accuracy, side, draw) for number in range(samples)]
    batches = [
        _batch(
            rows,
            rows == point.batch_size,
            generate_s * draw.uniform(1 - noise, 1 + noise),
            asked[row : row + rows],
        )
        for rows, row in zip(sizes, range(0, samples, point.batch_size), strict=True)
    ]
    record = RunRecord(
        schema_version=SCHEMA_VERSION,
        protocol_version=1,
        key="0123456789",
        model="tiny-llava",
        dataset_name="shapes",
        point=point,
        optimization=Optimization(dtype="float32", attention="sdpa"),
        status="ok",
        spec="{}",
        code_sha256="c" * 64,
        started_at="2026-03-01T12:00:00+00:00",
        duration_s=9.5,
        load_s=0.4,
        checkpoint=_checkpoint(random_weights=accuracy is None),
        dataset=Dataset(source="package:easy-vqa", content_sha256="d" * 64, samples=samples),
        environment=make_environment(point.device),
        warmup=Warmup(batches=4, seconds=4 * generate_s, cv=0.02, stopped="steady"),
        headline=_headline(batches, asked),
        batches=batches,
        samples=asked,
        energy=_energy(
            point.device, samples, fmean([batch.generate_s for batch in batches]) / point.batch_size
        ),
        memory=_memory(point.device),
        quality=_quality(asked, random_weights=accuracy is None),
        stages=make_stages(_stage_seconds(batches)),
        serving=_serving(batches),
        repeats=make_repeats(batches),
    )
    return msgspec.structs.replace(record, **overrides)


def make_failed_record(
    status: Status = "oom", reason: str = "CUDA out of memory", **overrides: Any
) -> RunRecord:
    """A run that ended without numbers, for an expected reason."""
    record = make_record()
    empty = RunRecord(
        **{
            name: getattr(record, name)
            for name in ("schema_version", "protocol_version", "key", "model", "dataset_name")
        },
        **{
            name: getattr(record, name)
            for name in ("point", "optimization", "spec", "code_sha256", "started_at")
        },
        status=status,
        failure=Failure(reason=reason, exception="torch.OutOfMemoryError", stage="warm-up"),
        duration_s=3.0,
        environment=record.environment,
    )
    return msgspec.structs.replace(empty, **overrides)


def identity_of(run: Run) -> dict[str, Any]:
    """Overrides that make a record the answer to `run`: `make_record(**identity_of(run))`."""
    return {
        "model": run.model,
        "dataset_name": run.dataset,
        "point": run.point,
        "key": run.key,
        "spec": run.spec.json,
    }


def make_cost(name: str = "tiny-llava") -> ModelCost:
    """Cost functions with round coefficients: vision 1000, project 100, prefill 10 a token and 1 a square,
    decode 20 a step.

    A pass reads 1000, 100, 500 and 250 parameters; a token's cache has 10 elements; a pass launches 20
    operations, project 2.
    """
    return ModelCost(
        name=name,
        source="tiny:llava",
        model_type="llava",
        convention=CONVENTION,
        parameters=261_000,
        flops=StageFlops(
            vision=VisionFlops(constant=1000),
            project=ProjectFlops(constant=100),
            prefill=PrefillFlops(per_prompt_token=10, per_prompt_token_square=1),
            decode=DecodeFlops(constant=20),
        ),
        weights=WeightReads(vision=1000, project=100, prefill=500, decode=250),
        cache=CacheElements(per_prompt_token=10, per_generated_token=10),
        ops=OpCounts(vision=20, project=2, prefill=20, decode=20),
    )


def make_ceilings(
    device: str = "cpu", flops_per_s: float = 1e9, bytes_per_s: float = 1e9, launch_s: float = 1e-6
) -> Ceilings:
    """What the machine of `make_record` reaches; float16 it cannot."""
    rate, copy, read, launch = (
        Best(best_per_s=per_s, median_per_s=per_s, repeats=3)
        for per_s in (flops_per_s, bytes_per_s, bytes_per_s / 2, 1 / launch_s)
    )
    return Ceilings(
        device=device,
        matrix={"float32": MatrixRate(rate=rate, size=512)},
        copy=copy,
        read=read,
        launch=launch,
        buffer_bytes=2**29,
        seconds=5.0,
        environment=make_environment(device),
        absent={"float16": "no kernel"},
    )


def make_stages(seconds: Mapping[str, Sequence[float]]) -> Stages:
    """Stages that took these seconds, batch by batch; every other one of vision and project is absent."""
    totals = [sum(batch) for batch in zip(*seconds.values(), strict=True)]
    return Stages(
        times={
            stage: StageTime(time=make_distribution(times), share=sum(times) / sum(totals))
            for stage, times in seconds.items()
        },
        end_to_end=make_distribution(totals),
        unattributed_share=0.0,
        against_headline=1.01,
        against_headline_interval=Interval(mean=1.01, low=0.99, high=1.03) if len(totals) > 1 else None,
        instrumentation_overhead=Interval(mean=1.004, low=0.998, high=1.01),
        seconds={stage: list(times) for stage, times in seconds.items()},
        absent={stage: "llava has no such stage" for stage in ("vision", "project") if stage not in seconds},
    )


def make_repeats(
    batches: Sequence[Batch], rounds: Sequence[float] = (1.0, 1.002, 0.998, 1.001, 0.999)
) -> Repeats | None:
    """Rounds of the first full batches, by these factors to the headline's; None where there are no two such
    batches.
    """
    chosen = [number for number, batch in enumerate(batches) if batch.full][:4]
    if len(chosen) < 2:
        return None
    noise = stdev(rounds) / fmean(rounds)
    return Repeats(
        batches=chosen,
        seconds=[[factor * batches[number].generate_s for number in chosen] for factor in rounds],
        instrumented_seconds=[
            [1.01 * factor * batches[number].generate_s for number in chosen] for factor in rounds[1:]
        ],
        noise=noise,
        drift=noise,
        half_width=2.776 * noise / 5**0.5,
        rounds=len(rounds),
        stopped="half width",
    )


def make_layers(generate_s: float = 1.0, batches: int = 4) -> Layers:
    """Three kinds of layers that together take 60 % of generate()."""
    shares: dict[tuple[str, str, Block], float] = {
        ("decode", "Linear", "mlp"): 0.3,
        ("decode", "LlamaAttention", "attention"): 0.2,
        ("vision", "Conv2d", "convolution"): 0.1,
    }
    return Layers(
        batches=batches,
        generate_s=generate_s,
        stages_s={"vision": 0.2 * generate_s, "decode": 0.8 * generate_s},
        layers=[
            LayerTime(stage=stage, module=module, block=block, total_s=share * generate_s, share=share)
            for (stage, module, block), share in shares.items()
        ],
        coverage=0.6,
        against_headline=1.15,
        against_headline_interval=Interval(mean=1.15, low=1.1, high=1.2),
    )


def on_two_gpus(record: RunRecord) -> RunRecord:
    """A record of a run on one GPU as if its model lay on two, each with half of everything."""
    assert (
        record.energy and record.energy.gpu and record.memory and record.checkpoint and record.environment.gpu
    )
    joules = record.energy.gpu
    half = BoardJoules(
        meter=joules.meter,
        device="GPU-0",
        window_s=joules.window_s,
        gross_j=joules.gross_j / 2,
        relative_uncertainty=joules.relative_uncertainty,
    )
    boards = [half, msgspec.structs.replace(half, device="GPU-1")]
    peak = (record.memory.peak_allocated_bytes or 0) // 2
    replace = msgspec.structs.replace
    return replace(
        record,
        energy=replace(record.energy, gpu=replace(joules, device="GPU-0 + GPU-1", boards=boards)),
        memory=replace(
            record.memory, peaks_by_gpu=[GpuMemory(peak_allocated_bytes=peak, peak_reserved_bytes=peak)] * 2
        ),
        checkpoint=replace(record.checkpoint, weight_bytes_by_gpu=[record.checkpoint.weight_bytes // 2] * 2),
        environment=replace(record.environment, further_gpus=[replace(record.environment.gpu, uuid="GPU-1")]),
    )


def make_environment(device: str = "cpu") -> Environment:
    """A machine; with device cuda it has a GPU."""
    gpu = Gpu(
        name="NVIDIA H100 80GB HBM3",
        uuid="GPU-0",
        driver="570.86",
        memory_bytes=80 * GIBIBYTE,
        power_limit_w=700,
    )
    return Environment(
        python="3.11.7",
        platform="Linux 6.1",
        packages={"torch": "2.13.0", "transformers": "5.23.0"},
        lock_sha256="e" * 64,
        cpu="AMD EPYC 9654",
        cpu_cores=2,
        threads=2,
        memory_bytes=64 * GIBIBYTE,
        gpu=gpu if device == "cuda" else None,
        git_commit="f" * 40,
        git_dirty=False,
    )


def _sample(number: int, batch: int, accuracy: float | None, side: int, draw: random.Random) -> Sample:
    question, reference = QUESTIONS[number % len(QUESTIONS)]
    right = accuracy is not None and draw.random() < accuracy
    patches = side // 14
    text_tokens = len(question.split()) + 4
    return Sample(
        id=f"q{number}",
        batch=batch,
        request=question,
        prompt=f"USER: <image>\n{question} ASSISTANT:",
        references=[reference],
        answer=reference if right else "gray",
        prompt_tokens=patches**2 + text_tokens,
        image_tokens=patches**2,
        generated_tokens=2,
        image_size=(64, 64),
        vision_grid=(patches, patches),
        effective_size=(side, side),
        wer=None if accuracy is None else float(not right),
        exact_match=None if accuracy is None else right,
    )


def _batch(rows: int, full: bool, generate_s: float, samples: Sequence[Sample]) -> Batch:
    preprocess_s, transfer_s, detokenise_s = 0.002 * rows, 0.0001 * rows, 0.0002 * rows
    return Batch(
        rows=rows,
        full=full,
        prompt_tokens=max(sample.prompt_tokens for sample in samples),
        generated_tokens=max(sample.generated_tokens for sample in samples),
        preprocess_s=preprocess_s,
        transfer_s=transfer_s,
        generate_s=generate_s,
        detokenise_s=detokenise_s,
        end_to_end_s=preprocess_s + transfer_s + generate_s + detokenise_s,
    )


def _stage_seconds(batches: Sequence[Batch]) -> dict[str, list[float]]:
    """Fixed shares of generate(), inside of what is around it."""
    inside = {"vision": 0.2, "project": 0.02, "prefill": 0.28, "decode": 0.4, "loop": 0.1}
    return {
        "preprocess": [batch.preprocess_s for batch in batches],
        "transfer": [batch.transfer_s for batch in batches],
        **{stage: [share * batch.generate_s for batch in batches] for stage, share in inside.items()},
        "detokenise": [batch.detokenise_s for batch in batches],
    }


def _serving(batches: Sequence[Batch]) -> Serving:
    first = [batch.preprocess_s + batch.transfer_s + 0.5 * batch.generate_s for batch in batches]
    rest = [batch.end_to_end_s - ttft for batch, ttft in zip(batches, first, strict=True)]
    return Serving(
        ttft=make_distribution(first),
        tpot=make_distribution(
            [rest_s / (batch.generated_tokens - 1) for rest_s, batch in zip(rest, batches, strict=True)]
        ),
    )


def _headline(batches: Sequence[Batch], samples: Sequence[Sample]) -> Headline:
    full = [batch for batch in batches if batch.full] or batches
    end_to_end_s = sum(batch.end_to_end_s for batch in batches)
    return Headline(
        passes=1,
        generate=make_distribution([batch.generate_s for batch in full]),
        end_to_end=make_distribution([batch.end_to_end_s for batch in full]),
        generate_per_sample=make_distribution([batch.generate_s / batch.rows for batch in full]),
        output_tokens_per_s=sum(sample.generated_tokens for sample in samples) / end_to_end_s,
        samples_per_s=len(samples) / end_to_end_s,
        partial_batch=next((batch for batch in batches if not batch.full), None),
    )


def make_distribution(seconds: Sequence[float]) -> Distribution:
    """A distribution with a normal interval: near enough for tests of what is done with it."""
    n, mean = len(seconds), fmean(seconds)
    std = stdev(seconds) if n > 1 else None
    half_width = 1.96 * std / n**0.5 if std is not None else 0.0
    return Distribution(
        n=n,
        mean_s=mean,
        median_s=median(seconds),
        std_s=std,
        min_s=min(seconds),
        max_s=max(seconds),
        sampling=Interval(mean=mean, low=mean - half_width, high=mean + half_width) if n > 1 else None,
    )


def _checkpoint(random_weights: bool) -> Checkpoint:
    return Checkpoint(
        source="tiny:llava",
        content_sha256="a" * 64,
        family="llava",
        architecture="LlavaForConditionalGeneration",
        parameters=261_000,
        weight_bytes=1_044_000,
        dtypes={"float32": 261_000},
        attention="sdpa",
        random_weights=random_weights,
        processor="CLIPImageProcessorPil",
    )


def _energy(device: str, samples: int, seconds_per_sample: float) -> Energy:
    if device == "cpu":
        return Energy(absent={"gpu": "the run's device is cpu", "cpu": "no RAPL on this host"})
    mean_w, window_s = 350.0, 12.0
    joules = Joules(
        meter="NVML total energy counter",
        device="GPU-0",
        window_s=window_s,
        gross_j=mean_w * window_s,
        net_j=(mean_w - 75.0) * window_s,
        idle_w=75.0,
        mean_w=mean_w,
        per_sample_j=mean_w * seconds_per_sample,
        per_token_j=mean_w * seconds_per_sample / 2,
        relative_uncertainty=0.02,
        second_meter_j=mean_w * window_s * 1.01,
    )
    return Energy(gpu=joules, absent={"cpu": "no RAPL on this host"})


def _memory(device: str) -> Memory:
    if device == "cpu":
        reason = "the run's device is cpu"
        return Memory(
            peak_process_bytes=GIBIBYTE,
            absent={"peak_allocated_bytes": reason, "peak_reserved_bytes": reason},
        )
    return Memory(
        peak_allocated_bytes=8 * GIBIBYTE, peak_reserved_bytes=9 * GIBIBYTE, peak_process_bytes=10 * GIBIBYTE
    )


def _quality(samples: Sequence[Sample], random_weights: bool) -> Quality:
    if random_weights:
        reason = "not applicable: random weights"
        return Quality(
            absent=dict.fromkeys(("wer", "wer_normalised", "wer_sample_mean", "exact_match"), reason)
        )
    n = len(samples)
    exact = fmean([float(bool(sample.exact_match)) for sample in samples])
    wer = fmean([sample.wer or 0.0 for sample in samples])
    half_width = 1.96 * (exact * (1 - exact) / n) ** 0.5
    return Quality(
        wer=wer,
        wer_normalised=wer,
        wer_sample_mean=wer,
        wer_interval=Interval(mean=wer, low=max(0.0, wer - half_width), high=wer + half_width),
        substitutions=round(wer * n),
        insertions=0,
        deletions=0,
        exact_match=exact,
        exact_match_interval=Interval(
            mean=exact, low=max(0.0, exact - half_width), high=min(1.0, exact + half_width)
        ),
        scored=n,
    )
