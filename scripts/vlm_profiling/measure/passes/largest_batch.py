"""Memory of a run's largest batch: predicted before the weights are loaded, and measured in a pass of its
own.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

from torch import Tensor

from vlm_profiling.cost.memory.expect import expected_batch
from vlm_profiling.cost.memory.live_bytes import LiveBytes, cache_tensors
from vlm_profiling.cost.memory.predict import BatchSize, largest_batch, predict_memory
from vlm_profiling.datasets.videos import Clip
from vlm_profiling.measure.passes.headline import InputBatch, Session, prepared_inputs
from vlm_profiling.measure.request import RunRequest
from vlm_profiling.models.stored import tensor_bytes, weight_bytes
from vlm_profiling.record.absent import Absent
from vlm_profiling.record.machine import Memory
from vlm_profiling.record.schema import Batch

if TYPE_CHECKING:
    from PIL.Image import Image

SAMPLES = "the samples' images, and an estimate of their texts' tokens"
PREPARED = "the prepared batches"


def memory_from_samples(request: RunRequest, media: Sequence[Image | Clip]) -> Memory:
    """What the run will hold, from the sizes of its images or videos and its texts; or the reason why that is
    not known.
    """
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


def largest_batch_pass(
    session: Session, batches: Sequence[InputBatch], times: Sequence[Batch], memory: Memory
) -> None:
    """Run the largest batch once more: its key-value cache, and on a CPU what torch's operators allocate for
    it.

    Fills `memory`, which holds the peaks of the headline pass.
    """
    number = largest_batch(times)
    batch, model = batches[number], session.checkpoint.model
    prepared = prepared_inputs(session, batch)
    inputs = prepared.inputs.to(session.input_device, session.inference_dtype)
    followed = session.device == "cpu" and not any(module._compiled_call_impl for module in model.modules())
    with LiveBytes("cpu") if followed else nullcontext() as live:
        output: Any = session.generate(**inputs, **session.generation, return_dict_in_generate=True)
    cache = getattr(output, "past_key_values", None)
    try:
        memory.kv_cache_bytes = sum(tensor.nbytes for tensor in cache_tensors(cache))
        own: Any = getattr(cache, "self_attention_cache", cache)
        memory.cache_layers = type(own.layers[0]).__name__
    except AttributeError:
        memory.absent["kv_cache_bytes"] = (
            f"generate() leaves no cache of keys and values, but {type(cache).__name__}"
        )
    if live:
        held_bytes = weight_bytes(model) + sum(
            tensor_bytes(value) for value in inputs.values() if isinstance(value, Tensor)
        )
        memory.peak_allocated_bytes = held_bytes + live.peak_bytes
        del memory.absent["peak_allocated_bytes"]
    elif session.device == "cpu":
        memory.absent["peak_allocated_bytes"] = "compiled code allocates unseen by torch's dispatcher"
    if memory.predicted and memory.peak_allocated_bytes:
        memory.predicted_over_allocated = memory.predicted.allocated_bytes / memory.peak_allocated_bytes
