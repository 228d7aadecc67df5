"""A batch's memory, predicted without weights, is what torch allocates for it; images and caches are told
exactly.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
import torch
from PIL import Image

from vlm_profiling.cost.functions import ModelCost
from vlm_profiling.cost.memory.allocations import memory_functions
from vlm_profiling.cost.memory.expect import expected_batch
from vlm_profiling.cost.memory.live_bytes import LiveBytes, cache_tensors
from vlm_profiling.cost.memory.memory import Live, largest, memory_name
from vlm_profiling.cost.memory.predict import BatchSize, predict_memory
from vlm_profiling.engines.transformers.loader import LoadedCheckpoint, load_checkpoint
from vlm_profiling.engines.transformers.stored import weight_bytes
from vlm_profiling.models.image_tokens import scaled_size
from vlm_profiling.models.random_weights import model_from_config
from vlm_profiling.models.registry import cost_rules
from vlm_profiling.record.absent import Absent
from vlm_profiling.record.manifests import CheckpointManifest
from vlm_profiling.study.point import Point
from vlm_profiling.study.quantisation import SCHEMES

QUESTIONS = ("what is the brand of this camera that lies on the table?", "how many?", "is it?")
NEW_TOKENS = 8
WITHIN = 0.15
"""What the prediction of torch's allocations beside the weights may be off."""


def image(width: int, height: int) -> Image.Image:
    return Image.fromarray(np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8))


def measured_and_predicted(
    loaded: LoadedCheckpoint,
    cost: ModelCost,
    rows: int,
    dtype: str,
    attention: str,
    quantisation: str | None = None,
) -> tuple[int, int, int, int]:
    """Bytes beside the weights and of the cache: measured, predicted, measured cache, predicted cache."""
    prepared = loaded.family.prepare(
        loaded.processor, [image(100, 100)] * rows, [QUESTIONS[row % 3] for row in range(rows)]
    )
    inputs = prepared.inputs.to(getattr(torch, dtype))
    model: Any = loaded.model
    with LiveBytes("cpu") as live:
        output = model.generate(
            **inputs,
            **loaded.family.generate_arguments(loaded.model),
            max_new_tokens=NEW_TOKENS,
            min_new_tokens=NEW_TOKENS,
            do_sample=False,
            return_dict_in_generate=True,
        )
    grid = prepared.vision_grids[0]
    assert grid is not None
    batch = BatchSize(
        rows=rows, patches=grid[0] * grid[1], prompt_tokens=prepared.padded_tokens, new_tokens=NEW_TOKENS
    )
    predicted = predict_memory(
        cost, batch, device="cpu", dtype=dtype, attention=attention, quantisation=quantisation
    )
    assert predicted is not None
    if quantisation is None:
        assert predicted.weight_bytes == weight_bytes(loaded.model)
    return (
        sum(tensor.nbytes for tensor in inputs.values()) + live.peak_bytes,
        predicted.allocated_bytes - predicted.weight_bytes,
        sum(tensor.nbytes for tensor in cache_tensors(output.past_key_values)),
        predicted.kv_cache_bytes,
    )


@pytest.mark.parametrize(
    ("rows", "dtype", "attention"),
    [
        (1, "float32", "sdpa"),
        (8, "float32", "sdpa"),
        (8, "bfloat16", "eager"),
        pytest.param(1, "bfloat16", "sdpa", marks=pytest.mark.soak),
        pytest.param(8, "bfloat16", "sdpa", marks=pytest.mark.soak),
        pytest.param(1, "float32", "eager", marks=pytest.mark.soak),
        pytest.param(8, "float32", "eager", marks=pytest.mark.soak),
    ],
)
def test_the_peak_is_that_of_a_real_batch_and_the_cache_is_exact(
    project: Path, manifest: CheckpointManifest, cost: ModelCost, rows: int, dtype: str, attention: str
) -> None:
    loaded = load_checkpoint(manifest, project, device="cpu", dtype=dtype, attention=attention)
    real, predicted, real_cache, predicted_cache = measured_and_predicted(
        loaded, cost, rows, dtype, attention
    )
    assert predicted == pytest.approx(real, rel=WITHIN)
    assert predicted_cache == real_cache


@pytest.mark.parametrize("kind", SCHEMES)
def test_quantised_weights_are_foretold_to_the_byte(
    project: Path, manifest: CheckpointManifest, cost: ModelCost, kind: str
) -> None:
    """And all allocations as nearly as without, but for the integers and sums that int8-dynamic makes of
    activations.
    """
    loaded = load_checkpoint(
        manifest, project, device="cpu", dtype="bfloat16", attention="sdpa", quantisation=kind
    )
    batch = BatchSize(rows=1, patches=1, prompt_tokens=1, new_tokens=1)
    foretold = predict_memory(
        cost, batch, device="cpu", dtype="bfloat16", attention="sdpa", quantisation=kind
    )
    assert foretold and foretold.weight_bytes == weight_bytes(loaded.model)
    measured_and_predicted(
        loaded, cost, 1, "bfloat16", "sdpa", kind
    )  # a CPU packs nf4's weights when they are first read
    real, predicted, real_cache, predicted_cache = measured_and_predicted(
        loaded, cost, 8, "bfloat16", "sdpa", kind
    )
    assert predicted_cache == real_cache
    assert predicted < real if kind == "int8-dynamic" else predicted == pytest.approx(real, rel=WITHIN)


@pytest.mark.parametrize("size", [(100, 100), (40, 90), (333, 25), (7, 9), (640, 480)])
@pytest.mark.parametrize("image_size", [None, 32, 112])
def test_patches_and_tokens_of_a_image_are_those_of_the_processor(
    loaded: LoadedCheckpoint, cost: ModelCost, size: tuple[int, int], image_size: int | None
) -> None:
    prepared = loaded.family.prepare(
        loaded.processor, [image(*size)], ["how many?"], Point(optimization="fp32", image_size=image_size)
    )
    grid = prepared.vision_grids[0]
    assert cost.images is not None
    assert grid is not None
    patches, tokens = cost.images.count(scaled_size(size, image_size))
    row_ends = (
        grid[0] if cost.model_type == "fuyu" else 0
    )  # which are no patches, and so no image tokens to the family
    assert (patches, tokens - row_ends) == (grid[0] * grid[1], prepared.image_tokens[0])


@pytest.mark.soak
def test_layers_left_out_of_the_trace_are_counted(manifest: CheckpointManifest, project: Path) -> None:
    """Of a language model with five layers two are traced; its prefill is that of all five."""
    from transformers import AutoConfig

    config = AutoConfig.from_pretrained(project / str(manifest.folder))
    text = config.get_text_config()
    for name in ("num_hidden_layers", "num_layers", "num_decoder_layers"):
        if hasattr(text, name):
            setattr(text, name, 5)
    if getattr(text, "layer_types", None):
        text.layer_types = ["full_attention"] * 5
    rules = cost_rules()[manifest.model_type]
    traced = memory_functions(config, rules)[memory_name("float32", "eager")]
    model = model_from_config(config, device="meta", dtype=torch.float32, attention="eager")
    with torch.no_grad(), LiveBytes("meta") as live:
        rules.stages(model, False).prefill(4, 200)
    assert largest(traced.prefill, 4, 200) == pytest.approx(live.peak_bytes, rel=0.01)


def test_a_moment_is_what_each_row_and_all_rows_hold() -> None:
    live = Live(row=1, row_size=2, row_square=3, shared=10, shared_size=20, shared_square=30)
    assert live.bytes_alive(4, 5) == 4 * (1 + 10 + 75) + 10 + 100 + 750


def test_the_batch_expected_from_samples_is_no_smaller_than_the_real_one(
    loaded: LoadedCheckpoint, cost: ModelCost
) -> None:
    images = [image(100, 100), image(60, 30)]
    prepared = loaded.family.prepare(loaded.processor, images, QUESTIONS[:2])
    batch = expected_batch(
        cost,
        Point(optimization="fp32", batch_size=8),
        new_tokens=4,
        sizes=[shown.size for shown in images],
        texts=QUESTIONS[:2],
        samples=2,
    )
    assert isinstance(batch, BatchSize)
    assert batch.rows == 2
    assert batch.patches == max(rows * columns for rows, columns in filter(None, prepared.vision_grids))
    assert batch.prompt_tokens >= 0.8 * prepared.padded_tokens


def test_a_batch_that_cannot_be_known_says_why(cost: ModelCost) -> None:
    batch = expected_batch(cost, Point(optimization="fp32"), new_tokens=4)
    if cost.images and cost.images.grid:
        assert isinstance(batch, BatchSize)
    else:
        assert batch == Absent("the data set is not prepared, and the model takes images as they come")


def test_a_cost_from_a_config_alone_tells_no_images(cost: ModelCost) -> None:
    alone = msgspec.structs.replace(cost, images=None)
    batch = expected_batch(alone, Point(optimization="fp32", image_size=32, max_input_len=8), new_tokens=4)
    assert batch == Absent("how this model's processor cuts images is not known")
