"""One run from request to record: load, prepare, compile, idle, warm up, headline, stages, repeats, layers,
trace, quality.

Whatever happens to the model is an outcome with a status; only a broken machine or broken inputs raise.
"""

from __future__ import annotations

import sys
import time
import traceback
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from vlm_profiling.datasets.read import open_media
from vlm_profiling.large_imports import large_imports
from vlm_profiling.measure.environment.devices import require_device
from vlm_profiling.measure.meters.energy import Meters, open_meters
from vlm_profiling.measure.meters.peak_memory import peak_memory
from vlm_profiling.measure.meters.telemetry import TelemetrySampler, open_telemetry
from vlm_profiling.measure.outcomes import BROKEN, RunTimeoutError, classify, time_limit
from vlm_profiling.measure.passes.compiling import compile_model
from vlm_profiling.measure.passes.headline import (
    BatchResult,
    InputBatch,
    Session,
    headline_pass,
    make_batches,
    no_long_collections,
    prepare_batches,
    warm_up,
)
from vlm_profiling.measure.passes.kernels import force_attention_backend, kernels_that_ran
from vlm_profiling.measure.passes.largest_batch import (
    largest_batch_pass,
    memory_from_batches,
    memory_from_samples,
)
from vlm_profiling.measure.passes.layers import layers_pass
from vlm_profiling.measure.passes.repeats import RepeatBlock, marking_cost
from vlm_profiling.measure.passes.stage_energy import stage_energy_pass
from vlm_profiling.measure.passes.stages import marked_seconds, stages_pass
from vlm_profiling.measure.passes.trace import write_trace
from vlm_profiling.measure.record_builder import checkpoint_facts, empty_record, headline, sample_rows
from vlm_profiling.measure.request import RunRequest
from vlm_profiling.models.errors import Unsupported
from vlm_profiling.models.loader import LoadedCheckpoint, load_checkpoint
from vlm_profiling.quality.score import score
from vlm_profiling.record.schema import RunRecord


def profile(request: RunRequest, trace: Path | None = None) -> RunRecord:
    """Measure one run. `trace` is where a Chrome trace goes, if the protocol asks for one.

    Raises MachineError, CheckpointError or DatasetError when a person has to mend something first; every
    other exception of the model or the libraries becomes a record with a status and a reason.
    """
    require_device(request.point.device, request.gpus)
    clock_started = time.perf_counter()
    record = empty_record(request)
    run = _Run(request, record, trace)
    try:
        with time_limit(request.protocol.timeout_s), force_attention_backend(request.optimization):
            run.measure()
    except BROKEN:
        raise
    except Exception as error:
        record.status, record.failure = classify(error, run.stage)
        if record.status == "error":
            traceback.print_exc(file=sys.stderr)
    record.duration_s = time.perf_counter() - clock_started
    return record


class _Run:
    """The steps of one run, filling its record as far as they get."""

    def __init__(self, request: RunRequest, record: RunRecord, trace: Path | None) -> None:
        self.request, self.record, self.trace, self.stage = request, record, trace, "load"
        self.frames = request.point.frames if any(sample.video for sample in request.samples) else None

    def measure(self) -> None:
        request, record, protocol = self.request, self.record, self.request.protocol
        media = [open_media(request.media_folder, sample, request.point.frames) for sample in request.samples]
        record.memory = memory_from_samples(request, media)
        loaded = self._load()
        session = Session(loaded, request.point.device, request.point, protocol, request.optimization.cache)

        self.stage = "prepare"
        batches = make_batches(request.samples, media, request.point.batch_size)
        if protocol.cached:
            prepare_batches(session, batches)
            if request.cost:
                record.memory = memory_from_batches(request, batches)

        self.stage = "warm-up"
        compilation = compile_model(session, batches) if request.optimization.compile else None
        record.checkpoint = checkpoint_facts(loaded, compilation, self.frames)
        first_gpu = 0 if request.point.device == "cuda" else None
        meters = open_meters(request.point.device, first_gpu, gpus=request.gpus)
        if meters.available:
            meters.idle(protocol.idle_s)
        record.warmup = warm_up(session, batches, protocol.warmup)

        with no_long_collections():
            self.stage = "headline"
            telemetry_sampler = open_telemetry(session.device, first_gpu, request.gpus)
            results = self._headline(session, batches, meters, telemetry_sampler)
            with telemetry_sampler.over():
                self._stages_and_repeats(session, batches)
            record.telemetry = telemetry_sampler.telemetry()
            self._look_inside(session, batches, meters)

        self.stage = "quality"
        self._score(results, batches)

    def _load(self) -> LoadedCheckpoint:
        request = self.request
        image = next((sample for sample in request.samples if sample.video is None), None)
        if request.point.frames != 1 and image is not None:
            all_images = all(sample.video is None for sample in request.samples)
            what = (
                "samples of this data set are single images"
                if all_images
                else f"sample {image.id} is a single image"
            )
            raise Unsupported(f"frames = {request.point.frames}: {what}")
        with large_imports():  # of the model's own code
            loaded = load_checkpoint(
                request.checkpoint,
                request.project,
                device=request.point.device,
                dtype=request.optimization.dtype,
                attention=request.optimization.attention,
                quantisation=request.optimization.quantisation,
                gpus=request.gpus,
            )
        self.record.load_s = loaded.load_s
        self.record.checkpoint = checkpoint_facts(loaded, None, self.frames)
        return loaded

    def _headline(
        self, session: Session, batches: list[InputBatch], meters: Meters, telemetry_sampler: TelemetrySampler
    ) -> list[BatchResult]:
        """The first pass is the headline; where a meter exists, further passes only fill its window."""
        record, protocol = self.record, self.request.protocol
        passes, samples = 1, len(self.request.samples)
        with (
            peak_memory(session.device, self.request.gpus) as peak,
            meters.window(telemetry_sampler.sample) as window,
        ):
            results = list(headline_pass(session, batches))
            tokens = sum(sum(result.generated_counts) for result in results)
            while meters.available and window.elapsed_s < protocol.energy_window_s:
                for _ in headline_pass(session, batches, "energy window"):
                    pass
                passes += 1
        record.memory = peak.with_prediction(record.memory)
        telemetry_sampler.costs.append(window.sampler)
        record.telemetry = telemetry_sampler.telemetry()
        record.energy = meters.energy(window, samples=samples * passes, tokens=tokens * passes)
        record.headline = headline(results, passes)
        record.batches = [result.times for result in results]
        return results

    def _stages_and_repeats(self, session: Session, batches: list[InputBatch]) -> None:
        """The passes that say how sure the headline is, and where its time goes."""
        record, protocol = self.record, self.request.protocol
        repeats = None
        try:
            marked_round = partial(marked_seconds, session) if protocol.stages else None
            repeats = RepeatBlock(session, batches, record.batches, marked_round)
        except Unsupported as reason:
            record.absent["repeats"] = str(reason)
        if protocol.stages:
            self.stage = "stages"
            record.stages, record.serving = stages_pass(session, batches, record.batches, repeats)
        if repeats:
            self.stage = "repeats"
            record.repeats = repeats.finish()
            if record.stages:
                record.stages.marking_cost = marking_cost(record.repeats)

    def _look_inside(self, session: Session, batches: list[InputBatch], meters: Meters) -> None:
        """The passes whose instruments cost something, or that run parts alone, after those that have none."""
        record, protocol = self.record, self.request.protocol
        if record.memory:
            self.stage = "memory"
            largest_batch_pass(session, batches, record.batches, record.memory)
        if protocol.layers:
            self.stage = "layers"
            try:
                record.layers = layers_pass(session, batches, record.batches)
            except Unsupported as reason:
                record.absent["layers"] = str(reason)
        if protocol.stage_energy:
            self.stage = "stage energy"
            joules = record.energy and (record.energy.gpu if session.device == "cuda" else record.energy.cpu)
            try:
                record.stage_energy = stage_energy_pass(
                    session, batches, self.request.media_folder, meters, joules
                )
            except Unsupported as reason:
                record.absent["stage_energy"] = str(reason)
        if record.checkpoint:
            self.stage = "kernels"
            try:
                calls = kernels_that_ran(session, batches[0])
                record.checkpoint.attention_kernels = calls.attention
                if self.request.optimization.quantisation:
                    record.checkpoint.quantisation_operators = calls.integers
            except (RunTimeoutError, *BROKEN):
                raise
            except Exception as error:  # a profiler that fails takes no finished figure with it
                record.checkpoint.absent["attention_kernels"] = classify(error, self.stage)[1].reason
        if protocol.trace and self.trace:
            self.stage = "trace"
            write_trace(session, batches[0], self.trace)

    def _score(self, results: Sequence[BatchResult], batches: Sequence[InputBatch]) -> None:
        answers = [answer for result in results for answer in result.answers]
        references = [sample.references for sample in self.request.samples]
        random_weights, metric = self.request.checkpoint.random_weights, self.request.dataset.metric
        quality, per_sample = score(answers, references, random_weights=random_weights, metric=metric)
        self.record.quality = quality
        self.record.samples = sample_rows(results, batches, per_sample)
