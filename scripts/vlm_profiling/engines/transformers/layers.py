"""The layers of a model: leaf and attention modules, each in its block."""

from __future__ import annotations

from collections.abc import Iterator

from torch import nn

from vlm_profiling.engines.base import Layer
from vlm_profiling.record.breakdown import Block

WITHOUT_WORK = (nn.Dropout, nn.Identity)
"""Leaves that do nothing in inference: events would only cost time."""
MLP_CLASSES = ("mlp", "dense", "intermediate", "output")
"""Parts of the names of classes around a block's feed-forward layers: CLIPMLP, T5DenseGatedActDense,
Blip2QFormerOutput.
"""
MLP_MEMBERS = ("fc1", "fc2", "activation_fn", "mlp")
"""Names of these layers where a block holds them itself, as OPT's does, or in a plain sequence, as
Qwen2.5-VL's merger does.
"""


def model_layers(model: nn.Module) -> Iterator[tuple[str, Layer]]:
    """The leaf and attention modules that do work, by name."""
    for name, module in model.named_modules():
        leaf = next(module.children(), None) is None
        if (leaf and not isinstance(module, WITHOUT_WORK)) or _is_attention(module):
            yield name, Layer(type(module).__name__, _block(model, name))


def _is_attention(module: nn.Module) -> bool:
    return "attention" in type(module).__name__.lower()


def _block(model: nn.Module, name: str) -> Block:
    """The block that a layer belongs to: what it is itself, or else the nearest block around it."""
    module = model.get_submodule(name)
    if "norm" in type(module).__name__.lower():
        return "norm"
    if isinstance(module, (nn.Conv1d, nn.Conv2d, nn.Conv3d)):
        return "convolution"
    if isinstance(module, nn.Embedding):
        return "embedding"
    if "rotary" in type(module).__name__.lower():
        return "attention"  # turns queries and keys, though it stands beside the blocks that use it
    path = name.split(".")
    for depth in range(len(path), 0, -1):
        around = model.get_submodule(".".join(path[:depth]))
        if _is_attention(around):
            return "attention"
        if path[depth - 1] in MLP_MEMBERS or any(
            part in type(around).__name__.lower() for part in MLP_CLASSES
        ):
            return "mlp"
    return "other"
