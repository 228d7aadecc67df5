"""The passes of one run over its batches: prepare, warm up, headline. No instruments anywhere.

The clock is time.perf_counter around work closed by a device synchronise, so that every interval holds all
the work that was started in it and none that was started before.
"""

from __future__ import annotations

import gc
import math
import statistics
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from vlm_profiling.datasets.videos import Clip, decode_frames, frame_images
from vlm_profiling.engines.base import LoadedModel, PreparedBatch
from vlm_profiling.measure.terminal.progress import progress
from vlm_profiling.record.manifests import DatasetSample
from vlm_profiling.record.schema import Batch, Warmup
from vlm_profiling.study.config import ProtocolConfig, WarmupConfig
from vlm_profiling.study.point import Point

if TYPE_CHECKING:
    from PIL.Image import Image


@dataclass
class Session:
    """A loaded model, and how the run measures it."""

    loaded: LoadedModel
    point: Point
    protocol: ProtocolConfig

    @property
    def device(self) -> str:
        """The device of the run: cpu or cuda."""
        return self.point.device


@dataclass(frozen=True)
class Preparation:
    """A batch's inputs on the host, and what making them took."""

    prepared: PreparedBatch
    preprocess_s: float
    decode_frames_s: float | None = None
    """None where no sample is a video, as is the next one."""
    sample_frames_s: float | None = None

    @property
    def seconds(self) -> float:
        """All of it."""
        return (self.decode_frames_s or 0.0) + (self.sample_frames_s or 0.0) + self.preprocess_s


@dataclass
class InputBatch:
    """One batch of samples. `preparation` stays empty when the protocol prepares inputs between batches."""

    index: int
    samples: list[DatasetSample]
    media: list[Image | Clip]
    image_sizes: list[tuple[int, int]]
    """Width, height of each image, or of a video's frames, as it came, in pixels."""
    full: bool
    preparation: Preparation | None = None


@dataclass(frozen=True)
class BatchResult:
    """What one batch took, and what came out."""

    times: Batch
    prepared: PreparedBatch
    answers: list[str]
    generated_counts: list[int]


def make_batches(
    samples: Sequence[DatasetSample], media: Sequence[Image | Clip], batch_size: int
) -> list[InputBatch]:
    """The samples in their order, `batch_size` at a time; the last batch may be partial."""
    return [
        InputBatch(
            index=number,
            samples=list(samples[start : start + batch_size]),
            media=list(media[start : start + batch_size]),
            image_sizes=[shown.size for shown in media[start : start + batch_size]],
            full=start + batch_size <= len(samples),
        )
        for number, start in enumerate(range(0, len(samples), batch_size))
    ]


def prepare_batches(session: Session, batches: Sequence[InputBatch]) -> None:
    """Prepare every batch on the host and let its images go; each batch keeps its own times.

    The first batch is prepared once more beforehand, untimed: the processor's first call imports and builds
    things.
    """
    prepare_batch(session, batches[0])
    for batch in progress(batches, len(batches), "prepare"):
        batch.preparation = prepare_batch(session, batch)
        batch.media = []


def prepare_batch(session: Session, batch: InputBatch) -> Preparation:
    """Videos decoded, their frames made images, images and text made tensors: one after the other, each
    timed.
    """
    requests = [sample.request for sample in batch.samples]
    seconds_apart = [shown.seconds_apart if isinstance(shown, Clip) else None for shown in batch.media]
    started = time.perf_counter()
    frames = [decode_frames(shown) if isinstance(shown, Clip) else None for shown in batch.media]
    decoded = time.perf_counter()
    images = [
        cast("Image", shown) if own is None else frame_images(own)
        for shown, own in zip(batch.media, frames, strict=True)
    ]
    sampled = time.perf_counter()
    prepared = session.loaded.prepare(images, requests, seconds_apart)
    preprocess_s = time.perf_counter() - sampled
    if all(own is None for own in frames):
        return Preparation(prepared, preprocess_s)
    return Preparation(prepared, preprocess_s, decoded - started, sampled - decoded)


def prepared_inputs(session: Session, batch: InputBatch) -> PreparedBatch:
    """A batch's inputs on the host, made now where they were not made before."""
    return (batch.preparation or prepare_batch(session, batch)).prepared


def run_batch(session: Session, batch: InputBatch) -> BatchResult:
    """Transfer, generate and detokenise one batch, each timed with the device synchronised."""
    loaded = session.loaded
    preparation = batch.preparation or prepare_batch(session, batch)
    prepared = preparation.prepared
    loaded.synchronise()
    started = time.perf_counter()
    inputs = loaded.transfer(prepared)
    loaded.synchronise()
    transferred = time.perf_counter()
    output = loaded.generate(inputs)
    loaded.synchronise()
    generated = time.perf_counter()
    answers = loaded.detokenise(inputs, output)
    finished = time.perf_counter()
    times = Batch(
        rows=len(batch.samples),
        full=batch.full,
        prompt_tokens=prepared.padded_tokens,
        generated_tokens=answers.steps,
        qformer_tokens=prepared.qformer_tokens,
        decode_frames_s=preparation.decode_frames_s,
        sample_frames_s=preparation.sample_frames_s,
        preprocess_s=preparation.preprocess_s,
        transfer_s=transferred - started,
        generate_s=generated - transferred,
        detokenise_s=finished - generated,
        end_to_end_s=preparation.seconds + finished - started,
    )
    return BatchResult(times, prepared, answers.texts, loaded.generated_counts(answers))


@contextmanager
def no_long_collections() -> Iterator[None]:
    """Keep Python's garbage collector from the objects that are there already.

    A full collection walks the hundred thousands that the libraries made, and would stall some batch by 200
    ms.
    """
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def headline_pass(
    session: Session, batches: Sequence[InputBatch], label: str = "headline"
) -> Iterator[BatchResult]:
    """Every batch once, in order, without any instrument inside."""
    for batch in progress(batches, len(batches), label):
        yield run_batch(session, batch)


def run_each_shape(
    session: Session, batches: Sequence[InputBatch], max_s: float = math.inf
) -> tuple[int, int]:
    """Run one batch of each shape of inputs and discard it, as many as `max_s` allows; returns how many ran,
    and of how many.
    """
    started = time.perf_counter()
    shape = session.loaded.input_shape
    first = {shape(prepared_inputs(session, batch)): batch for batch in reversed(batches)}
    for number, batch in enumerate(reversed(first.values())):
        if time.perf_counter() - started >= max_s:
            return number, len(first)
        run_batch(session, batch)
    return len(first), len(first)


def warm_up(session: Session, batches: Sequence[InputBatch], settings: WarmupConfig) -> Warmup:
    """On a GPU one batch of each shape, then the first batch again and again until its times vary little, or
    a cap is reached.

    cuDNN plans attention for each number of keys it meets, 60 ms each on an H200: an answer of 50 tokens at a
    new length would take twice its time. On a CPU no such thing was seen. Results are discarded.
    """
    ran, shapes = (
        run_each_shape(session, batches, settings.shapes_max_s) if session.device == "cuda" else (None, None)
    )
    seconds: list[float] = []
    started = time.perf_counter()
    while True:
        seconds.append(run_batch(session, batches[0]).times.generate_s)
        cv = (
            _coefficient_of_variation(seconds[-settings.window :])
            if len(seconds) >= settings.window
            else None
        )
        elapsed_s, stopped = time.perf_counter() - started, None
        if cv is not None and cv < settings.max_cv:
            stopped = "steady"
        elif len(seconds) >= settings.max_batches:
            stopped = "batch cap"
        elif elapsed_s >= settings.max_s:
            stopped = "time cap"
        if stopped:
            return Warmup(
                batches=len(seconds), seconds=elapsed_s, cv=cv, stopped=stopped, shapes=shapes, shapes_run=ran
            )


def _coefficient_of_variation(values: Sequence[float]) -> float:
    return statistics.stdev(values) / statistics.mean(values)
