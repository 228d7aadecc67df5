"""The counts of a model's stages at given sizes: FLOPs, parameters read, operations, cache size."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple, TypeVar

import torch
from torch import Tensor, nn
from torch.nn.modules.module import register_module_forward_hook, register_module_forward_pre_hook
from torch.utils.flop_counter import FlopCounterMode

from vlm_profiling.cost.counting.op_counter import OpCounter
from vlm_profiling.models.image_tokens import Grid
from vlm_profiling.models.stages import ModelStages

Result = TypeVar("Result")


class Count(NamedTuple):
    """The counts of one forward pass of a stage."""

    flops: int
    parameters_read: int
    """Owned by the modules that ran, each counted once, embedding tables left out: a lookup reads single
    rows.
    """
    ops: int
    """Dispatched, views left out."""


class GenerationCount(NamedTuple):
    """The counts of the language model for a batch."""

    prefill: Count
    last_decode: Count
    cache_elements: int
    """Of keys and values, after the last decode step."""


class StageCounter:
    """Counts the stages of one model. A count asked for again is looked up."""

    def __init__(self, stages: ModelStages) -> None:
        self.stages = stages
        self.encode = cache(self._encode)
        self.project = cache(self._project)
        self.generate = cache(self._generate)

    def _encode(self, rows: int, grid: Grid) -> tuple[Count, Tensor | None]:
        """The count, and the features that the projection takes. No FLOPs and None without an encoder."""
        if self.stages.encode is None:
            return Count(0, 0, 0), None
        return _count(self.stages.encode, rows, grid)

    def _project(self, rows: int, grid: Grid, qformer_tokens: int = 0) -> Count:
        _, features = self.encode(rows, grid)
        return _count(self.stages.project, rows, grid, features, qformer_tokens)[0]

    def _generate(self, rows: int, prompt_tokens: int, decode_steps: int) -> GenerationCount:
        """A prefill of padded prompts and at least one decode step."""
        prefill, state = _count(self.stages.prefill, rows, prompt_tokens)
        with torch.no_grad():
            for _ in range(decode_steps - 1):
                state = self.stages.decode(rows, state)
        decode, state = _count(self.stages.decode, rows, state)
        return GenerationCount(prefill, decode, _elements(state.cache))


def _count(run: Callable[..., Result], *arguments: Any) -> tuple[Count, Result]:
    read: dict[int, nn.Parameter] = {}
    angles_flops = 0

    def note(module: nn.Module, _inputs: object) -> None:
        nonlocal angles_flops
        if not isinstance(module, nn.Embedding):
            read.update((id(parameter), parameter) for parameter in module.parameters(recurse=False))
        if _makes_angles(module):
            angles_flops -= counter.get_total_flops()

    def leave(module: nn.Module, _inputs: object, _output: object) -> None:
        nonlocal angles_flops
        if _makes_angles(module):
            angles_flops += counter.get_total_flops()

    hooks = [register_module_forward_pre_hook(note), register_module_forward_hook(leave)]
    try:
        with torch.no_grad(), FlopCounterMode(display=False) as counter, OpCounter() as launches:
            result = run(*arguments)
    finally:
        for hook in hooks:
            hook.remove()
    parameters_read = sum(parameter.numel() for parameter in read.values())
    return Count(counter.get_total_flops() - angles_flops, parameters_read, launches.ops), result


def _makes_angles(module: nn.Module) -> bool:
    """Whether it makes rotary angles: transformers up to 5.22 by a matrix product, one for all rows; no work
    of the model's.
    """
    return type(module).__name__.endswith("RotaryEmbedding")


def _elements(key_value_cache: Any) -> int:
    """Elements of a transformers cache; an encoder-decoder's has one half for itself and one for the
    encoder's output.
    """
    if hasattr(key_value_cache, "cross_attention_cache"):
        return _elements(key_value_cache.self_attention_cache) + _elements(
            key_value_cache.cross_attention_cache
        )
    return sum(layer.keys.numel() + layer.values.numel() for layer in key_value_cache.layers)
