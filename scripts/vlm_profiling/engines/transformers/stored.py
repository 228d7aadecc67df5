"""How weights are stored: their dtype, elements and bytes, of quantised ones the integers and all that
belongs to them.

torchao wraps a weight in a tensor class of its own; bitsandbytes' parameters are integers with their scales
as attributes.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import is_traceable_wrapper_subclass

WRAPPERS = {
    "Int8Tensor": "int8",
    "Int4OpaqueTensor": "int4",
    "Int4TilePackedTo4dTensor": "int4",
}
"""What torchao's classes store."""


def stored_dtype(tensor: Tensor) -> str:
    """Name of the type in which a weight is stored: "bfloat16", and of quantised ones "int8", "int4" or
    "nf4".
    """
    if is_traceable_wrapper_subclass(tensor):
        return WRAPPERS.get(type(tensor).__name__, type(tensor).__name__)
    if (state := getattr(tensor, "quant_state", None)) is not None:
        return state.quant_type
    return str(tensor.dtype).removeprefix("torch.")


def is_quantised(module: nn.Module) -> bool:
    """Whether a module is a linear layer whose weights are integers."""
    if not isinstance(module, nn.Linear):
        return False
    weight = module.weight
    return is_traceable_wrapper_subclass(weight) or weight.dtype in (torch.int8, torch.uint8)


def elements(tensor: Tensor) -> int:
    """Weights in a tensor, however many of them share a byte."""
    state = getattr(tensor, "quant_state", None)
    return tensor.numel() if state is None else math.prod(state.shape)


def weight_bytes(model: nn.Module) -> int:
    """Bytes of all parameters and buffers of a model as they are stored."""
    return sum(map(tensor_bytes, (*model.parameters(), *model.buffers())))


def tensor_bytes(tensor: Tensor) -> int:
    """Bytes of a tensor as it is stored: of a quantised one its integers, scales and tables."""
    if is_traceable_wrapper_subclass(tensor):
        wrapped: Any = tensor
        return sum(tensor_bytes(getattr(wrapped, name)) for name in wrapped.__tensor_flatten__()[0])
    stored = tensor.numel() * tensor.element_size()
    if (state := getattr(tensor, "quant_state", None)) is not None:
        return stored + sum(part.nbytes for part in (state.absmax, state.code))
    if type(tensor).__name__ == "Int8Params":
        return (
            stored + 4 * tensor.shape[0]
        )  # a float32 a row, which the layer takes for itself when it first runs
    return stored
