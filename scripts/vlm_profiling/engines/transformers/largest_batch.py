"""The memory of a batch: its key-value cache, and on a CPU the peak of what torch's operators allocate."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

from torch import Tensor

from vlm_profiling.cost.memory.live_bytes import LiveBytes, cache_tensors
from vlm_profiling.engines.base import PreparedBatch
from vlm_profiling.engines.transformers.stored import tensor_bytes, weight_bytes
from vlm_profiling.record.machine import Memory

if TYPE_CHECKING:
    from vlm_profiling.engines.transformers.model import TransformersModel


def batch_memory(loaded: TransformersModel, batch: PreparedBatch) -> Memory:
    """Run a batch once: the fields of a record's memory, and the reasons for those that it cannot give."""
    model, inputs = loaded.checkpoint.model, loaded.transfer(batch)
    compiled = any(module._compiled_call_impl for module in model.modules())
    followed = loaded.device == "cpu" and not compiled
    with LiveBytes("cpu") if followed else nullcontext() as live:
        output: Any = loaded.generate(inputs, return_dict_in_generate=True)
    memory = Memory()
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
    elif loaded.device == "cpu":
        memory.absent["peak_allocated_bytes"] = "compiled code allocates unseen by torch's dispatcher"
    return memory
