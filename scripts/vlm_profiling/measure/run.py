"""One run from request to record: load, prepare, compile, idle, warm up, headline, stages, repeats, memory,
layers, stage energy, kernels, trace, quality.

Whatever happens to the model is an outcome with a status; only a broken machine or broken inputs raise.
"""

from __future__ import annotations

import sys
import time
import traceback
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from msgspec.structs import replace

from vlm_profiling.datasets.read import open_media
from vlm_profiling.engines.base import Compilation, Engine, EngineOptions, LoadedModel, Unsupported
from vlm_profiling.engines.registry import DEFAULT, ENGINES
from vlm_profiling.large_imports import large_imports
from vlm_profiling.measure.environment.devices import require_device
from vlm_profiling.measure.meters.energy import Meters, open_meters
from vlm_profiling.measure.meters.peak_memory import peak_memory
from vlm_profiling.measure.meters.telemetry import TelemetrySampler, open_telemetry
from vlm_profiling.measure.outcomes import BROKEN, RunTimeoutError, classify, time_limit
from vlm_profiling.measure.passes.headline import (
    BatchResult,
    InputBatch,
    Session,
    headline_pass,
    make_batches,
    no_long_collections,
    prepare_batches,
    prepared_inputs,
    run_batch,
    run_each_shape,
    warm_up,
)
from vlm_profiling.measure.passes.layers import layers_pass
from vlm_profiling.measure.passes.memory import (
    combine_memory,
    largest_batch_pass,
    memory_from_batches,
    memory_from_samples,
)
from vlm_profiling.measure.passes.repeats import RepeatBlock, instrumentation_overhead
from vlm_profiling.measure.passes.stage_energy import stage_energy_pass
from vlm_profiling.measure.passes.stages import instrumented_seconds, stages_pass
from vlm_profiling.measure.record_builder import empty_record, headline, sample_rows
from vlm_profiling.measure.request import RunRequest
from vlm_profiling.quality.score import score
from vlm_profiling.record.absent import Absent
from vlm_profiling.record.machine import Memory
from vlm_profiling.record.schema import Batch, Checkpoint, RunRecord

Section = TypeVar("Section")


def profile(request: RunRequest, trace: Path | None = None, engine: Engine | None = None) -> RunRecord:
    """The record of one run.

    Args:
        request: what is to be measured.
        trace: where a Chrome trace goes, if the protocol asks for one.
        engine: what loads and runs the model; by default the optimization's.

    Raises MachineError, CheckpointError or DatasetError when a person has to change something first; every
    other exception of the model or the libraries becomes a record with a status and a reason.
    """
    require_device(request.point.device, request.gpus)
    clock_started = time.perf_counter()
    empty = empty_record(request)
    engine = engine or ENGINES[request.optimization.engine or DEFAULT]
    run = _Run(request, engine, trace)
    outcome: dict[str, Any] = {}
    try:
        with time_limit(request.protocol.timeout_s), engine.settings(request.optimization):
            run.measure()
    except BROKEN:
        raise
    except Exception as error:
        outcome["status"], outcome["failure"] = classify(error, run.stage)
        if outcome["status"] == "error":
            traceback.print_exc(file=sys.stderr)
    return replace(empty, **run.sections, **outcome, duration_s=time.perf_counter() - clock_started)


class _Run:
    """The passes of one run, in their order."""

    def __init__(self, request: RunRequest, engine: Engine, trace: Path | None) -> None:
        self.request, self.engine, self.trace, self.stage = request, engine, trace, "load"
        self.sections: dict[str, Any] = {"absent": {}}
        """The sections of the record that are finished, by field."""

    def measure(self) -> None:
        request, protocol, sections = self.request, self.request.protocol, self.sections
        media = [open_media(request.media_folder, sample, request.point.frames) for sample in request.samples]
        sections["memory"] = predicted = memory_from_samples(request, media)
        session = Session(self._load(), request.point, protocol)

        self.stage = "prepare"
        batches = make_batches(request.samples, media, request.point.batch_size)
        if protocol.cached:
            prepare_batches(session, batches)
            if request.cost:
                sections["memory"] = predicted = memory_from_batches(request, batches)

        self.stage = "warm-up"
        if request.optimization.compile:
            sections["checkpoint"] = self._compile(session, batches)
        first_gpu = 0 if session.device == "cuda" else None
        meters = open_meters(session.device, first_gpu, gpus=request.gpus)
        if meters.available:
            meters.idle(protocol.idle_s)
        sections["warmup"] = warm_up(session, batches, protocol.warmup)

        with no_long_collections():
            self.stage = "headline"
            telemetry_sampler = open_telemetry(session.device, first_gpu, request.gpus)
            results, peaks = self._headline(session, batches, meters, telemetry_sampler)
            sections["memory"] = combine_memory(predicted, peaks)
            times = [result.times for result in results]
            with telemetry_sampler.sampling():
                self._stages_and_repeats(session, batches, times)
            sections["telemetry"] = telemetry_sampler.telemetry()
            self.stage = "memory"
            largest = largest_batch_pass(session, batches, times)
            sections["memory"] = combine_memory(predicted, peaks, largest)
            self._divide(session, batches, times, meters)

        self.stage = "quality"
        self._score(results, batches)

    def _load(self) -> LoadedModel:
        request, protocol = self.request, self.request.protocol
        image = next((sample for sample in request.samples if sample.video is None), None)
        if request.point.frames != 1 and image is not None:
            all_images = all(sample.video is None for sample in request.samples)
            what = (
                "samples of this data set are single images"
                if all_images
                else f"sample {image.id} is a single image"
            )
            raise Unsupported(f"frames = {request.point.frames}: {what}")
        options = EngineOptions(
            point=request.point,
            optimization=request.optimization,
            gpus=request.gpus,
            max_new_tokens=protocol.max_new_tokens,
            min_new_tokens=protocol.min_new_tokens,
        )
        with large_imports():  # of the model's own code
            loaded = self.engine.load(request.checkpoint, request.project, options)
        frames = request.point.frames if any(sample.video for sample in request.samples) else None
        self.sections |= {"load_s": loaded.load_s, "checkpoint": loaded.facts(frames)}
        return loaded

    def _compile(self, session: Session, batches: list[InputBatch]) -> Checkpoint:
        compile_model = session.loaded.capabilities.compile
        if isinstance(compile_model, Absent):
            raise Unsupported(compile_model.reason)
        done: Compilation = compile_model(partial(run_each_shape, session, batches))
        return replace(
            self.sections["checkpoint"],
            compiled_frames=done.frames,
            graph_breaks=done.graph_breaks,
            compile_s=done.seconds,
        )

    def _headline(
        self, session: Session, batches: list[InputBatch], meters: Meters, telemetry_sampler: TelemetrySampler
    ) -> tuple[list[BatchResult], Memory]:
        """The first pass is the headline; where a meter exists, further passes only fill its window."""
        protocol = self.request.protocol
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
        telemetry_sampler.overheads.append(window.sampler)
        self.sections |= {
            "telemetry": telemetry_sampler.telemetry(),
            "energy": meters.energy(window, samples=samples * passes, tokens=tokens * passes),
            "headline": headline(results, passes),
            "batches": [result.times for result in results],
        }
        return results, peak.memory

    def _stages_and_repeats(self, session: Session, batches: list[InputBatch], times: list[Batch]) -> None:
        """The passes that say how sure the headline is, and where its time goes."""
        protocol, sections = self.request.protocol, self.sections
        instrumented = protocol.stages and not isinstance(session.loaded.capabilities.instruments, Absent)
        instrumented_round = partial(instrumented_seconds, session) if instrumented else None
        repeats = self._section("repeats", lambda: RepeatBlock(session, batches, times, instrumented_round))
        stages = None
        if protocol.stages:
            self.stage = "stages"
            found = self._section("stages", lambda: stages_pass(session, batches, times, repeats))
            if found:
                stages, sections["serving"] = found
                sections["stages"] = stages
            else:
                sections["absent"]["serving"] = sections["absent"]["stages"]
        if repeats:
            self.stage = "repeats"
            sections["repeats"] = repeats.finish()
            if stages:
                overhead = instrumentation_overhead(sections["repeats"])
                sections["stages"] = replace(stages, instrumentation_overhead=overhead)

    def _divide(
        self, session: Session, batches: list[InputBatch], times: list[Batch], meters: Meters
    ) -> None:
        """The passes whose instruments cost time, or that run parts alone, after those that have none."""
        protocol, sections = self.request.protocol, self.sections
        if protocol.layers:
            self.stage = "layers"
            sections["layers"] = self._section("layers", lambda: layers_pass(session, batches, times))
        if protocol.stage_energy:
            self.stage = "stage energy"
            energy, folder = sections["energy"], self.request.media_folder
            joules = energy.gpu if session.device == "cuda" else energy.cpu
            sections["stage_energy"] = self._section(
                "stage_energy", lambda: stage_energy_pass(session, batches, folder, meters, joules)
            )
        self.stage = "kernels"
        sections["checkpoint"] = self._kernels(session, batches[0], sections["checkpoint"])
        if protocol.trace and self.trace:
            self.stage = "trace"
            write_trace = session.loaded.capabilities.trace
            if isinstance(write_trace, Absent):
                sections["absent"]["trace"] = write_trace.reason
            else:
                write_trace(partial(run_batch, session, batches[0]), self.trace)

    def _section(self, name: str, measure: Callable[[], Section]) -> Section | None:
        """What a pass returns; None with the reason in the record where it cannot measure this run."""
        try:
            return measure()
        except Unsupported as reason:
            self.sections["absent"][name] = str(reason)
            return None

    def _kernels(self, session: Session, batch: InputBatch, checkpoint: Checkpoint) -> Checkpoint:
        """The checkpoint with the kernels that ran, or with the reason why they are not known."""
        kernels = session.loaded.capabilities.kernels
        if isinstance(kernels, Absent):
            return replace(checkpoint, absent={"attention_kernels": kernels.reason})
        try:
            calls = kernels(prepared_inputs(session, batch))
        except (RunTimeoutError, *BROKEN):
            raise
        except Exception as error:  # a profiler that fails takes no finished value with it
            reason = classify(error, self.stage)[1].reason
            return replace(checkpoint, absent={"attention_kernels": reason})
        integers = calls.integers if self.request.optimization.quantisation else None
        return replace(checkpoint, attention_kernels=calls.attention, quantisation_operators=integers)

    def _score(self, results: Sequence[BatchResult], batches: Sequence[InputBatch]) -> None:
        answers = [answer for result in results for answer in result.answers]
        references = [sample.references for sample in self.request.samples]
        random_weights, metric = self.request.checkpoint.random_weights, self.request.dataset.metric
        quality, per_sample = score(answers, references, random_weights=random_weights, metric=metric)
        self.sections |= {"quality": quality, "samples": sample_rows(results, batches, per_sample)}
