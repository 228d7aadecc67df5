"""Greedy generation through a checkpoint's family, as a run does it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from PIL import Image

from vlm_profiling.engines.transformers.loader import LoadedCheckpoint
from vlm_profiling.models.base import Prepared


@torch.inference_mode()
def generate(loaded: LoadedCheckpoint, prepared: Prepared, steps: int = 8) -> torch.Tensor:
    """New token ids (rows, at most `steps`)."""
    inputs = prepared.inputs.to(dtype=loaded.model.dtype)
    arguments = loaded.family.generate_arguments(loaded.model)
    model: Any = loaded.model
    output_ids = model.generate(**inputs, **arguments, max_new_tokens=steps, do_sample=False)
    return loaded.family.new_tokens(loaded.model, inputs, output_ids)


def answer(
    loaded: LoadedCheckpoint, images: Sequence[Image.Image], requests: Sequence[str], steps: int = 8
) -> list[list[int]]:
    """New token ids, row by row."""
    return generate(loaded, loaded.family.prepare(loaded.processor, images, requests), steps).tolist()
