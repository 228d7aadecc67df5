"""FLOPs counted inside a real generate(), and by the cost functions at the tokens of the same work."""

from __future__ import annotations

from collections.abc import Sequence

import numpy
from PIL import Image

from vlm_profiling.cost.counting.generate import generate_flops
from vlm_profiling.cost.functions import ModelCost, Work, work_flops
from vlm_profiling.engines.transformers.loader import LoadedCheckpoint
from vlm_profiling.models.base import Shown
from vlm_profiling.study.point import Point

REQUESTS = [
    "what is the brand of this camera?",
    "how many?",
    "describe this image: a man rides a wave on top of a surfboard",
]
IMAGE_SIZES = [(80, 60), (70, 150), (100, 40)]
"""Width, height in pixels of a wide, a high and a flat image."""
NEW_TOKENS = 5


def noise_image(width: int, height: int) -> Image.Image:
    """An image of colour noise, the same each time."""
    return Image.fromarray(
        numpy.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=numpy.uint8)
    )


def real_and_expected_flops(
    loaded: LoadedCheckpoint, cost: ModelCost, images: Sequence[Shown], image_size: int | None = None
) -> tuple[dict[str, int], dict[str, int]]:
    """FLOPs by stage of one batch of up to three rows: counted inside generate(), and expected from the cost
    functions.
    """
    prepared = loaded.family.prepare(
        loaded.processor,
        list(images),
        REQUESTS[: len(images)],
        Point(optimization="fp32", image_size=image_size),
    )
    real = generate_flops(
        loaded.model,
        loaded.family.stage_modules(loaded.model),
        **prepared.inputs,
        **loaded.family.generate_arguments(loaded.model),
        max_new_tokens=NEW_TOKENS,
        min_new_tokens=NEW_TOKENS,
        do_sample=False,
    )
    assert cost.flops is not None, cost.absent
    work = Work(
        grids=tuple(
            grid
            for grid, count in zip(prepared.vision_grids, prepared.encoded_images, strict=True)
            for _ in range(count)
        ),
        rows=len(images),
        prompt_tokens=prepared.padded_tokens,
        generated_tokens=NEW_TOKENS,
        qformer_tokens=prepared.qformer_tokens,
    )
    flops = work_flops(cost.flops, work)
    expected = {
        "vision": flops.vision_flops or 0,
        "project": flops.project_flops,
        "prefill": flops.prefill_flops,
        "decode": flops.decode_flops,
        "other": 0,
    }
    return real, expected
