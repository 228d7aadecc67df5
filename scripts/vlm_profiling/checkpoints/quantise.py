"""Weights stored as integers, by torchao: what is quantised, and how many bytes it then takes.

Linear layers keep their weights as int8 (one scale an output channel) or int4 (groups of weights); activations stay in the
dtype of the model. The output head is left as it is, as bitsandbytes and transformers leave it.
"""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn
from torch.utils._python_dispatch import is_traceable_wrapper_subclass

from vlm_profiling.checkpoints.errors import Unsupported

CONFIGS = {"int8": "Int8WeightOnlyConfig", "int4": "Int4WeightOnlyConfig"}
"""Of torchao.quantization."""
HEAD = "lm_head"


def quantise(model: nn.Module, kind: str) -> None:
    """Quantise the weights of a model's linear layers in place, where they lie: "int8" or "int4".

    Raises Unsupported where torchao is not installed, or refuses this device or these layers.
    """
    try:
        import torchao.quantization as ao  # pyright: ignore[reportMissingImports] - installed only where it is wanted
    except ImportError as error:
        raise Unsupported(f"quantisation {kind}: the package torchao is not installed") from error
    try:
        ao.quantize_(model, getattr(ao, CONFIGS[kind])(), filter_fn=_is_quantised)
    except (ImportError, NotImplementedError, ValueError, AssertionError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise Unsupported(f"quantisation {kind}: torchao refuses: {reason}") from error


def quantised_modules(model: nn.Module) -> int:
    """Linear layers whose weights are no plain tensors any more."""
    linear = (module for module in model.modules() if isinstance(module, nn.Linear))
    return sum(is_traceable_wrapper_subclass(module.weight) for module in linear)


def tensor_bytes(tensor: Tensor) -> int:
    """Bytes of a tensor as it is stored: of a quantised one its integers and scales."""
    if not is_traceable_wrapper_subclass(tensor):
        return tensor.numel() * tensor.element_size()
    wrapped: Any = tensor
    return sum(tensor_bytes(getattr(wrapped, name)) for name in wrapped.__tensor_flatten__()[0])


def stored_dtype(tensor: Tensor) -> str:
    """Name of a tensor's dtype; of a quantised one the name of its class, such as Int8Tensor."""
    quantised = is_traceable_wrapper_subclass(tensor)
    return type(tensor).__name__ if quantised else str(tensor.dtype).removeprefix("torch.")


def _is_quantised(module: nn.Module, name: str) -> bool:
    return isinstance(module, nn.Linear) and name.rpartition(".")[2] != HEAD
