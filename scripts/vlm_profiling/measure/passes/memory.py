"""Memory of a run: predicted before the weights are loaded, its peaks, and its largest batch in a pass of its
own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from msgspec.structs import asdict

from vlm_profiling.cost.memory.expect import expected_batch
from vlm_profiling.cost.memory.predict import BatchSize, largest_batch, predict_memory
from vlm_profiling.datasets.videos import Clip
from vlm_profiling.measure.passes.headline import InputBatch, Session, prepared_inputs
from vlm_profiling.measure.request import RunRequest
from vlm_profiling.record.absent import Absent
from vlm_profiling.record.machine import Memory
from vlm_profiling.record.schema import Batch

if TYPE_CHECKING:
    from PIL.Image import Image

SAMPLES = "the samples' images, and an estimate of their texts' tokens"
PREPARED = "the prepared batches"


def memory_from_samples(request: RunRequest, media: Sequence[Image | Clip]) -> Memory:
    """The prediction from the sizes of images or videos and texts, or the reason why there is none."""
    if request.cost is None:
        return Memory(absent={"predicted": "the model's cost was not given"})
    batch = expected_batch(
        request.cost,
        request.point,
        new_tokens=request.protocol.max_new_tokens,
        frames=max(len(shown.indices) if isinstance(shown, Clip) else 1 for shown in media),
        sizes=[shown.size for shown in media],
        texts=[sample.request for sample in request.samples],
        samples=len(request.samples),
    )
    if isinstance(batch, Absent):
        return Memory(absent={"predicted": batch.reason})
    return _predicted(request, batch, SAMPLES)


def memory_from_batches(request: RunRequest, batches: Sequence[InputBatch]) -> Memory:
    """The same from what the prepared batches really hold: exact in tokens."""
    prepared = [batch.preparation.prepared for batch in batches if batch.preparation]
    grids = [grid for one in prepared for grid in one.vision_grids if grid]
    batch = BatchSize(
        rows=min(request.point.batch_size, len(request.samples)),
        images=max(sum(one.encoded_images) for one in prepared),
        patches=max((rows * columns for rows, columns in grids), default=0),
        prompt_tokens=max(one.padded_tokens for one in prepared),
        new_tokens=request.protocol.max_new_tokens,
    )
    return _predicted(request, batch, PREPARED)


def _predicted(request: RunRequest, batch: BatchSize, basis: str) -> Memory:
    assert request.cost is not None
    optimization, device = request.optimization, request.point.device
    predicted = predict_memory(
        request.cost,
        batch,
        device=device,
        dtype=optimization.dtype,
        attention=optimization.attention,
        quantisation=optimization.quantisation,
        basis=basis,
        gpus=request.gpus,
    )
    reason = {} if predicted else {"predicted": request.cost.absent or "the model's bytes were not counted"}
    return Memory(predicted=predicted, absent=reason)


def largest_batch_pass(session: Session, batches: Sequence[InputBatch], times: Sequence[Batch]) -> Memory:
    """The memory of the largest batch, run once more, or the reason why the engine cannot measure it."""
    measure = session.loaded.capabilities.memory
    if isinstance(measure, Absent):
        return Memory(absent={"kv_cache_bytes": measure.reason})
    return measure(prepared_inputs(session, batches[largest_batch(times)]))


def combine_memory(*parts: Memory) -> Memory:
    """The section of prediction, peaks and largest batch, of which a later value or reason counts."""
    values, absent = {}, {}
    for part in parts:
        known = {name: value for name, value in asdict(part).items() if value not in (None, [])}
        values |= {name: value for name, value in known.items() if name != "absent"}
        absent |= part.absent
    memory = Memory(**values, absent={name: why for name, why in absent.items() if name not in values})
    if memory.predicted and memory.peak_allocated_bytes:
        memory.predicted_over_allocated = memory.predicted.allocated_bytes / memory.peak_allocated_bytes
    return memory
