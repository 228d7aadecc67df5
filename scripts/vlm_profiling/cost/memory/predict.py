"""The peak of a run's memory, predicted before it from the model's cost and the batch: light, no torch."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from vlm_profiling.cost.functions import ModelCost
from vlm_profiling.cost.memory.memory import largest, memory_name
from vlm_profiling.record.machine import PredictedMemory
from vlm_profiling.record.schema import Batch
from vlm_profiling.study.dtypes import ITEM_BYTES
from vlm_profiling.study.quantisation import refusal, stored_bytes

MEBIBYTE = 2**20
CUDA_CONTEXT_BYTES = 700 * MEBIBYTE
"""The driver's context and the kernels loaded into it when first used: 678 to 692 MiB in all runs on an H200
(CUDA 13.0, driver 580). 1.3 GB where all are loaded at once, as before CUDA 12.2 ("Model training anatomy" in
the documentation of transformers)."""
CUBLAS_WORKSPACE_BYTES = 33 * MEBIBYTE
"""What torch allocates for cuBLAS and cuBLASLt: 33.0 MiB more than a tiny model's tensors on an H200 (torch
2.11; 32 MiB of it are CUBLAS_WORKSPACE_CONFIG's on Hopper, 8 MiB on earlier GPUs)."""
FRAGMENTS = 0.1
"""Share of what comes and goes that torch's caching allocator holds beyond it, in rounded blocks and unused
parts of segments. An assumption: llava-1.5-7b at batch 1 held 185 MiB of these on an H200, 1.3 % of all that
it allocated."""
LIBRARIES_BYTES = 640 * MEBIBYTE
"""Resident bytes of a process that has imported torch and transformers and loaded a tiny model (measured,
torch 2.13 for CPU).
"""
MASK_BYTES = 2
"""Of a pair of tokens of one prompt, where rows of several lengths are padded: a Boolean, and what it is made
of.
"""
ID_BYTES = 16
"""Of a prompt token: its id and its place in the attention mask, int64 each."""


class BatchSize(Struct, kw_only=True, frozen=True):
    """The largest batch of a run."""

    rows: int
    images: int | None = None
    """Encoded of all rows; null: one a row. Frames of a video are several."""
    patches: int
    """Of its largest image, before any merging; unused where the encoder takes images of one size."""
    prompt_tokens: int
    """Padded length of a row, image tokens included."""
    new_tokens: int
    """Generated tokens a row at most."""


def largest_batch(batches: Sequence[Batch]) -> int:
    """Index of the batch with the most tokens, padding included: the one whose keys and values take most."""
    return max(
        range(len(batches)),
        key=lambda n: batches[n].rows * (batches[n].prompt_tokens + batches[n].generated_tokens),
    )


def predict_memory(
    cost: ModelCost,
    batch: BatchSize,
    *,
    device: str,
    dtype: str,
    attention: str,
    quantisation: str | None = None,
    basis: str = "",
    gpus: int = 1,
) -> PredictedMemory | None:
    """The peak over all stages of one batch; None where the model's bytes were not counted.

    Of several `gpus` the sum of their own peaks: weights and keys and values once, and on each of them a
    context and a batch's activations, which come to all of them, one after another.
    """
    functions = cost.memory.get(memory_name(dtype, attention))
    if functions is None or cost.cache is None:
        return None
    item_bytes = ITEM_BYTES[dtype]
    saved_bytes, copied_bytes = _quantised(cost, quantisation, item_bytes, device)
    weight_bytes = functions.weight_bytes - saved_bytes
    rows, prompt = batch.rows, batch.prompt_tokens
    images = rows if batch.images is None else batch.images
    cache_bytes = round(rows * cost.cache.row_bytes(prompt, batch.new_tokens, item_bytes))
    text_bytes = rows * prompt * ID_BYTES
    held_bytes = functions.held.bytes_alive(images, batch.patches)
    mask_bytes = rows * prompt**2 * MASK_BYTES if rows > 1 and attention != "eager" else 0
    stages = (
        largest(functions.vision, images, batch.patches),
        largest(functions.project, images, batch.patches),
        held_bytes + mask_bytes + largest(functions.prefill, rows, prompt),
        held_bytes + cache_bytes + largest(functions.decode, rows, prompt + batch.new_tokens),
    )
    holders = gpus if device == "cuda" else 1
    activation_bytes = holders * (text_bytes + copied_bytes + max(stages) - cache_bytes)
    overhead_bytes = LIBRARIES_BYTES
    if device == "cuda":
        overhead_bytes = holders * CUDA_CONTEXT_BYTES
        overhead_bytes += round(FRAGMENTS * (cache_bytes + activation_bytes))
        activation_bytes += holders * CUBLAS_WORKSPACE_BYTES
    allocated_bytes = weight_bytes + cache_bytes + activation_bytes
    return PredictedMemory(
        weight_bytes=weight_bytes,
        kv_cache_bytes=cache_bytes,
        activation_bytes=activation_bytes,
        overhead_bytes=overhead_bytes,
        allocated_bytes=allocated_bytes,
        peak_bytes=allocated_bytes + overhead_bytes,
        per_gpu_bytes=-(-(allocated_bytes + overhead_bytes) // holders) if holders > 1 else None,
        basis=basis,
    )


def _quantised(cost: ModelCost, kind: str | None, item_bytes: int, device: str) -> tuple[int, int]:
    """Bytes that quantised weights save, and those of the largest one while it is brought back to the
    activations' dtype.

    What activations take as integers is not counted.
    """
    if kind is None:
        return 0, 0
    taken = [one for one in cost.linear_layers if not refusal(kind, one.rows, one.columns, device)]
    plain = [one.rows * one.columns * item_bytes for one in taken]
    stored = [stored_bytes(kind, one.rows, one.columns, item_bytes, device) for one in taken]
    saved = sum(
        one.layers * (before - after) for one, before, after in zip(taken, plain, stored, strict=True)
    )
    return saved, max(plain, default=0) if kind == "int8" else 0
