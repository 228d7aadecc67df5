"""The facts of a loaded checkpoint: counted on the model itself, not read from what was asked."""

from __future__ import annotations

from collections.abc import Iterable

from torch import Tensor

from vlm_profiling.engines.transformers.loader import LoadedCheckpoint
from vlm_profiling.engines.transformers.quantise import quantised_modules
from vlm_profiling.engines.transformers.stored import elements, stored_dtype, tensor_bytes, weight_bytes
from vlm_profiling.record.schema import Checkpoint


def checkpoint_facts(loaded: LoadedCheckpoint, frames: int | None) -> Checkpoint:
    """The record's section; `frames` are those asked of each video, None where samples are images."""
    model, manifest, quantised = loaded.model, loaded.manifest, loaded.quantised
    dtypes: dict[str, int] = {}
    for parameter in model.parameters():
        name = stored_dtype(parameter)
        dtypes[name] = dtypes.get(name, 0) + elements(parameter)
    tensors = [*model.parameters(), *model.buffers()]
    image_processor = getattr(loaded.processor, "image_processor", loaded.processor)
    return Checkpoint(
        source=manifest.source,
        revision=manifest.revision,
        content_sha256=manifest.content_sha256,
        family=loaded.family.name,
        architecture=type(model).__name__,
        parameters=sum(dtypes.values()),
        weight_bytes=weight_bytes(model),
        weight_bytes_by_gpu=_bytes_by_gpu(tensors, loaded.gpus) if loaded.gpus > 1 else [],
        dtypes=dtypes,
        quantised_modules=quantised_modules(model),
        linear_layers=quantised and quantised.linear_layers,
        unquantised_layers=quantised and quantised.left,
        unquantised_bytes=quantised and quantised.plain_weight_bytes,
        quantisation_backend=quantised and quantised.backend,
        attention=str(model.config._attn_implementation),
        random_weights=manifest.random_weights,
        processor=type(image_processor).__name__,
        image_sizing=loaded.family.image_sizing,
        frames_as=None if frames is None else loaded.family.shown_as(frames),
    )


def _bytes_by_gpu(tensors: Iterable[Tensor], gpus: int) -> list[int]:
    by_gpu = [0] * gpus
    for tensor in tensors:
        by_gpu[tensor.device.index] += tensor_bytes(tensor)
    return by_gpu
