"""Allocations of a model counted on its own code, stage by stage on the meta device: no weights, no memory.

Which operators a stage runs does not depend on the sizes, and what is alive after each of them is a
polynomial of rows and tokens: six runs fix it for every moment, and the moments that can be the largest are
kept.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import deepcopy
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - as torch's own documentation names it
from torch import Tensor
from torch.overrides import TorchFunctionMode
from typing_extensions import override

from vlm_profiling.cost.memory.live_bytes import LiveBytes, cache_tensors
from vlm_profiling.cost.memory.memory import Live, MemoryFunctions, memory_name
from vlm_profiling.models.image_tokens import Grid
from vlm_profiling.models.random_weights import model_from_config
from vlm_profiling.models.stages import CostRules, ModelStages

if TYPE_CHECKING:
    from transformers import PreTrainedConfig

ROWS = (2, 3)
"""A batch of one row skips copies that all others make."""
PROMPTS = (64, 128, 192)
QFORMER_TOKENS = 32
"""Question read by a Q-Former; more hardly moves the peak."""
STACKS = ("layers", "block", "blocks")
"""Names of attributes that hold a stack of layers. For other stacks a family has `keep_layers`."""
LAYERS = 2
"""Layers traced of each stack: every further one adds its keys and values, and nothing else that stays."""
SEEN_ROWS = (1, 8, 64, 512)
SEEN_SIZES = (16, 64, 256, 1024, 4096, 16384)
"""Sizes of batches at which a moment must be the largest somewhere to be kept."""


class FusedAttention(TorchFunctionMode):
    """Scaled dot-product attention as a kernel that keeps no scores: it allocates its output alone."""

    @override
    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is F.scaled_dot_product_attention:
            query, _, value = args[:3]
            return query.new_empty(*query.shape[:-1], value.shape[-1])
        if func is torch.Tensor.__bool__ and args[0].is_meta:
            return True  # transformers up to 5.22 asks whether OPT's own mask of ones hides nothing
        return func(*args, **(kwargs or {}))


def memory_functions(
    config: PreTrainedConfig, rules: CostRules, interpolates: bool = False
) -> dict[str, MemoryFunctions]:
    """The bytes that a model holds, by `memory_name`.

    Args:
        config: The model's transformers config.
        rules: The cost rules of its family.
        interpolates: Whether positions are interpolated for images of any size.
    """
    functions = {}
    for dtype in (torch.float32, torch.bfloat16):
        for attention in ("eager", "sdpa"):
            model = model_from_config(deepcopy(config), device="meta", dtype=dtype, attention=attention)
            name = memory_name(str(dtype).removeprefix("torch."), attention)
            functions[name] = _memory_functions(model, rules.stages(model, interpolates))
    return functions


def _memory_functions(model: Any, stages: ModelStages) -> MemoryFunctions:
    weight_bytes = sum(
        tensor.numel() * tensor.element_size() for tensor in (*model.parameters(), *model.buffers())
    )
    left_out = _shorten(model)
    stages.keep_layers(LAYERS)
    grids = _grids(stages)

    def images(rows: int, grid: Grid) -> tuple[list[int], list[int], list[int]]:
        """Moments of the encoder, the one of what is held after the projection, moments of the projection."""
        encoding, features = [], None
        if stages.encode:
            encoder, features = _trace(stages.encode, rows, grid)
            encoding = encoder.moments
        projection, projected = _trace(
            stages.project, rows, grid, features, QFORMER_TOKENS if stages.reads_question else 0
        )
        projecting = projection.moments
        pixels = next(moment for moment in (*encoding, *projecting) if moment)  # are allocated first
        before = pixels + _bytes(features) if encoding else 0  # else the projection itself reads the pixels
        return (
            encoding,
            [pixels + _bytes(features) + _bytes(projected)],
            [before + moment for moment in projecting],
        )

    def prompts(rows: int, tokens: int) -> tuple[list[float], list[float]]:
        """Moments of the prefill, and of a decode step beside the cache."""
        reading, state = _trace(stages.prefill, rows, tokens)
        kept = reading.held_by(cache_tensors(state.cache))
        stepping, state = _trace(stages.decode, rows, state)
        cache = sum(tensor.nbytes for tensor in cache_tensors(state.cache))
        return (
            [moment + left_out * held for moment, held in zip(reading.moments, kept, strict=True)],
            [max(moment - cache, 0) for moment in stepping.moments],
        )

    seen = [[images(rows, grid) for grid in grids] for rows in ROWS]
    read = [[prompts(rows, tokens) for tokens in PROMPTS] for rows in ROWS]
    patches = [rows * columns for rows, columns in grids]
    vision, held, project = (
        _fit([[parts[part] for parts in of_rows] for of_rows in seen], patches) for part in range(3)
    )
    prefill, decode = (
        _fit([[parts[part] for parts in of_rows] for of_rows in read], PROMPTS) for part in range(2)
    )
    return MemoryFunctions(
        weight_bytes=weight_bytes,
        vision=vision,
        held=held[0],
        project=project,
        prefill=prefill,
        decode=decode,
    )


def _grids(stages: ModelStages) -> list[Grid]:
    """The only patch grid of an encoder, or three of whole windows."""
    if stages.grid is not None:
        return [stages.grid]
    side = stages.window or 8
    return [(side, 2 * side), (2 * side, 2 * side), (2 * side, 4 * side)]


def _fit(moments: Sequence[Sequence[Sequence[float]]], sizes: Sequence[int]) -> list[Live]:
    """The moments that can be the largest, from the bytes at each moment, by ROWS and by sizes (one, or
    three).

    Where the number of moments depends on the size (an operator for each window, say), the peak stands for
    them all.
    """
    if len({len(bytes_alive) for of_rows in moments for bytes_alive in of_rows}) > 1:
        moments = [[[max(bytes_alive)] for bytes_alive in of_rows] for of_rows in moments]
    values = np.array(moments, dtype=np.float64)  # (rows, sizes, moments); exact below 2**53
    if values.size == 0:
        return []
    per_row = (values[1] - values[0]) / (ROWS[1] - ROWS[0])
    of_size = [_polynomial(part, sizes) for part in (per_row, values[0] - ROWS[0] * per_row)]
    columns = np.unique(np.concatenate(of_size).T, axis=0)
    candidates = [
        Live(**dict(zip(Live.__struct_fields__, map(round, column), strict=True)))
        for column in columns.tolist()
    ]
    kept = {
        max(candidates, key=lambda live: live.bytes_alive(rows, size))
        for rows in SEEN_ROWS
        for size in SEEN_SIZES
    }
    return [live for live in candidates if live in kept]


def _polynomial(values: np.ndarray, sizes: Sequence[int]) -> np.ndarray:
    """Coefficients (3, moments) of 1, size and size^2 through the values (sizes, moments); a single size
    fixes a constant.
    """
    if len(sizes) == 1:
        return np.concatenate([values, np.zeros((2, values.shape[1]))])
    return np.linalg.solve(np.vander(np.array(sizes, dtype=np.float64), 3, increasing=True), values)


def _trace(run: Callable[..., Any], *arguments: Any) -> tuple[LiveBytes, Any]:
    with torch.no_grad(), FusedAttention(), LiveBytes("meta") as live:
        result = run(*arguments)
    return live, result


def _bytes(tensor: Tensor | None) -> int:
    return 0 if tensor is None else tensor.untyped_storage().nbytes()


def _shorten(model: Any) -> float:
    """Keep the first LAYERS layers of each long stack; returns the decoder's layers left out for each LAYERS
    kept.
    """
    left_out = 0.0
    for name, stack in list(model.named_modules()):
        parent, _, kind = name.rpartition(".")
        if kind in STACKS and len(stack) > LAYERS:
            if "language_model" in name and ".encoder." not in name:
                left_out = len(stack) / LAYERS - 1
            setattr(model.get_submodule(parent), kind, stack[:LAYERS])
    return left_out
