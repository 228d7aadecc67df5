"""One run from request to record: load, prepare, compile, idle, warm up, headline, stages, repeats, layers, trace, quality.

Whatever happens to the model is an outcome with a status; only a broken machine or broken inputs raise.
"""

from __future__ import annotations

import datetime
import sys
import time
import traceback
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from vlm_profiling.checkpoints.errors import Unsupported
from vlm_profiling.checkpoints.loader import LoadedCheckpoint, load_checkpoint
from vlm_profiling.checkpoints.quantise import quantised_modules, stored_dtype, tensor_bytes
from vlm_profiling.datasets.read import open_picture
from vlm_profiling.large_imports import large_imports
from vlm_profiling.measure.compiling import Compilation, compile_model
from vlm_profiling.measure.energy import Meters, open_meters
from vlm_profiling.measure.environment import describe_environment
from vlm_profiling.measure.failures import BROKEN, MachineError, classify, time_limit
from vlm_profiling.measure.kernels import held_to, kernels_that_ran
from vlm_profiling.measure.largest_batch import largest_batch_pass, memory_from_batches, memory_from_samples
from vlm_profiling.measure.layers import layers_pass
from vlm_profiling.measure.memory import peak_memory
from vlm_profiling.measure.passes import (
    BatchResult,
    InputBatch,
    Session,
    headline_pass,
    make_batches,
    no_long_collections,
    prepare_batches,
    warm_up,
)
from vlm_profiling.measure.repeats import RepeatBlock, marking_cost
from vlm_profiling.measure.request import RunRequest
from vlm_profiling.measure.stage_energy import stage_energy_pass
from vlm_profiling.measure.stages import marked_seconds, stages_pass
from vlm_profiling.measure.telemetry import Watch, open_watch
from vlm_profiling.measure.trace import write_trace
from vlm_profiling.quality.score import score
from vlm_profiling.record.schema import SCHEMA_VERSION, Checkpoint, Dataset, Headline, Record, Sample
from vlm_profiling.statistics.summary import distribution


def profile(request: RunRequest, trace: Path | None = None) -> Record:
    """Measure one run. `trace` is where a Chrome trace goes, if the protocol asks for one.

    Raises MachineError, CheckpointError or DatasetError when a person has to mend something first; every other
    exception of the model or the libraries becomes a record with a status and a reason.
    """
    _require_device(request.point.device)
    clock_started = time.perf_counter()
    record = _empty_record(request)
    run = _Run(request, record, trace)
    try:
        with time_limit(request.protocol.timeout_s), held_to(request.optimization):
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

    def __init__(self, request: RunRequest, record: Record, trace: Path | None) -> None:
        self.request, self.record, self.trace, self.stage = request, record, trace, "load"

    def measure(self) -> None:
        request, record, protocol = self.request, self.record, self.request.protocol
        pictures = [open_picture(request.pictures, sample) for sample in request.samples]
        record.memory = memory_from_samples(request, [picture.size for picture in pictures])
        loaded = self._load()
        session = Session(loaded, request.point.device, request.point, protocol, request.optimization.cache)

        self.stage = "prepare"
        batches = make_batches(request.samples, pictures, request.point.batch_size)
        if protocol.cached:
            prepare_batches(session, batches)
            if request.cost:
                record.memory = memory_from_batches(request, batches)

        self.stage = "warm-up"
        compilation = compile_model(session, batches) if request.optimization.compile else None
        record.checkpoint = _checkpoint_facts(loaded, compilation)
        meters = open_meters(request.point.device, 0 if request.point.device == "cuda" else None)
        if meters.available:
            meters.idle(protocol.idle_s)
        record.warmup = warm_up(session, batches[0], protocol.warmup)

        with no_long_collections():
            self.stage = "headline"
            watch = open_watch(session.device, 0 if session.device == "cuda" else None)
            results = self._headline(session, batches, meters, watch)
            with watch.over():
                self._stages_and_repeats(session, batches)
            record.telemetry = watch.telemetry()
            self._look_inside(session, batches, meters)

        self.stage = "quality"
        self._score(results, batches)

    def _load(self) -> LoadedCheckpoint:
        request = self.request
        if request.point.frames != 1:
            raise Unsupported(f"frames = {request.point.frames}: samples of this data set are single pictures")
        with large_imports():  # of the model's own code
            loaded = load_checkpoint(
                request.checkpoint,
                request.project,
                device=request.point.device,
                dtype=request.optimization.dtype,
                attention=request.optimization.attention,
                quantisation=request.optimization.quantisation,
            )
        self.record.load_s = loaded.load_s
        self.record.checkpoint = _checkpoint_facts(loaded, None)
        return loaded

    def _headline(self, session: Session, batches: list[InputBatch], meters: Meters, watch: Watch) -> list[BatchResult]:
        """The first pass is the headline; where a meter exists, further passes only fill its window."""
        record, protocol = self.record, self.request.protocol
        passes, samples = 1, len(self.request.samples)
        with peak_memory(session.device) as peak, meters.window(watch.sample) as window:
            results = list(headline_pass(session, batches))
            tokens = sum(sum(result.generated_counts) for result in results)
            while meters.available and window.elapsed_s < protocol.energy_window_s:
                for _ in headline_pass(session, batches, "energy window"):
                    pass
                passes += 1
        record.memory = peak.with_prediction(record.memory)
        watch.costs.append(window.sampler)
        record.telemetry = watch.telemetry()
        record.energy = meters.energy(window, samples=samples * passes, tokens=tokens * passes)
        record.headline = _headline(results, passes)
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
            record.repeats_absent = str(reason)
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
                record.layers_absent = str(reason)
        if protocol.stage_energy:
            self.stage = "stage energy"
            joules = record.energy and (record.energy.gpu if session.device == "cuda" else record.energy.cpu)
            try:
                record.stage_energy = stage_energy_pass(session, batches, self.request.pictures, meters, joules)
            except Unsupported as reason:
                record.stage_energy_absent = str(reason)
        if record.checkpoint:
            self.stage = "kernels"
            record.checkpoint.attention_kernels = kernels_that_ran(session, batches[0])
        if protocol.trace and self.trace:
            self.stage = "trace"
            write_trace(session, batches[0], self.trace)

    def _score(self, results: Sequence[BatchResult], batches: Sequence[InputBatch]) -> None:
        answers = [answer for result in results for answer in result.answers]
        references = [sample.references for sample in self.request.samples]
        random_weights, metric = self.request.checkpoint.random_weights, self.request.dataset.metric
        quality, per_sample = score(answers, references, random_weights=random_weights, metric=metric)
        self.record.quality = quality
        scores = iter(per_sample)
        for result, batch in zip(results, batches, strict=True):
            for row, sample in enumerate(batch.samples):
                scored = next(scores)
                prepared = result.prepared
                self.record.samples.append(
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
                        vision_grid=prepared.vision_grids[row],
                        effective_size=prepared.effective_sizes[row],
                        wer=scored.wer,
                        exact_match=scored.exact_match,
                        standard=scored.standard,
                    )
                )


def _require_device(device: str) -> None:
    import torch

    if device == "cuda" and not torch.cuda.is_available():
        raise MachineError(
            "device 'cuda' was asked, but torch sees no CUDA GPU here; allowed: run on a machine with a GPU and its "
            f"driver, or set device: cpu (torch {torch.__version__}, built for CUDA: {torch.version.cuda or 'no'})"
        )


def _empty_record(request: RunRequest) -> Record:
    import torch

    return Record(
        schema_version=SCHEMA_VERSION,
        protocol_version=request.protocol_version,
        key=request.key,
        model=request.checkpoint.name,
        dataset_name=request.dataset.name,
        point=request.point,
        optimization=request.optimization,
        status="ok",
        spec=request.spec,
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
        environment=describe_environment(request.point.device, request.lock, torch.get_num_threads(), request.image),
    )


def _checkpoint_facts(loaded: LoadedCheckpoint, compilation: Compilation | None) -> Checkpoint:
    """What was really loaded: counted on the model itself, not read from what was asked."""
    model, manifest = loaded.model, loaded.manifest
    dtypes: dict[str, int] = {}
    for parameter in model.parameters():
        name = stored_dtype(parameter)
        dtypes[name] = dtypes.get(name, 0) + parameter.numel()
    tensors = [*model.parameters(), *model.buffers()]
    image_processor = getattr(loaded.processor, "image_processor", loaded.processor)
    return Checkpoint(
        source=manifest.source,
        revision=manifest.revision,
        content_sha256=manifest.content_sha256,
        family=loaded.family.name,
        architecture=type(model).__name__,
        parameters=sum(dtypes.values()),
        weight_bytes=sum(map(tensor_bytes, tensors)),
        dtypes=dtypes,
        quantised_modules=quantised_modules(model),
        attention=str(model.config._attn_implementation),
        random_weights=manifest.random_weights,
        compiled_frames=compilation.frames if compilation else None,
        graph_breaks=compilation.graph_breaks if compilation else None,
        compile_s=compilation.seconds if compilation else None,
        processor=type(image_processor).__name__,
        picture_sizes=loaded.family.picture_sizes,
    )


def _headline(results: Sequence[BatchResult], passes: int) -> Headline:
    """The published figures. Latencies over full batches (a run smaller than one batch has only its partial one)."""
    times = [result.times for result in results]
    full = [batch for batch in times if batch.full] or times
    end_to_end_s = sum(batch.end_to_end_s for batch in times)
    rows = sum(batch.rows for batch in times)
    tokens = sum(sum(result.generated_counts) for result in results)
    return Headline(
        passes=passes,
        generate=distribution([batch.generate_s for batch in full]),
        end_to_end=distribution([batch.end_to_end_s for batch in full]),
        generate_per_sample=distribution([batch.generate_s / batch.rows for batch in full]),
        output_tokens_per_s=tokens / end_to_end_s,
        samples_per_s=rows / end_to_end_s,
        partial_batch=next((batch for batch in times if not batch.full), None),
    )
