"""Weights of linear layers stored as integers, by torchao or bitsandbytes, in place.

The output head is left as it is, and what a model's class keeps in float32, as both libraries leave them
through transformers.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import logging
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from vlm_profiling.engines.transformers.stored import is_quantised, weight_bytes
from vlm_profiling.models.errors import Unsupported
from vlm_profiling.models.linear_layers import kept_by_class, linear_layers
from vlm_profiling.study.quantisation import INT4_GROUPS, NF4_BLOCK, SCHEMES, int4_group, refusal

WEIGHTS_AT_A_TIME = 2**22
"""That bitsandbytes is given to make 4-bit codes of: on a CPU it takes 128 bytes for each meanwhile."""


@dataclass(frozen=True)
class Quantised:
    """What quantising a model did."""

    backend: str
    """Package and version."""
    linear_layers: int
    """Linear layers but the output head: those that could be quantised."""
    left: dict[str, int]
    """Of those, how many stay as they are, by the reason."""
    plain_weight_bytes: int
    """Parameters and buffers before."""


def quantise(model: nn.Module, kind: str) -> Quantised:
    """Quantise the weights of a model's linear layers in place.

    Raises Unsupported where the package is not installed, where it refuses the device or the dtype, and where
    no layer's width fits; the reason names what.
    """
    package = SCHEMES[kind].package
    layers = linear_layers(model)
    device = next(model.parameters()).device.type
    refused = {
        name: kept_by_class(model, name) or refusal(kind, layer.out_features, layer.in_features, device)
        for name, layer in layers.items()
    }
    left = dict(Counter(reason for reason in refused.values() if reason))
    taken = {name: layer for name, layer in layers.items() if not refused[name]}
    if not taken:
        raise Unsupported(
            f"quantisation {kind}: it fits no linear layer: {'; '.join(left) or 'the model has none'}"
        )
    try:
        version = importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError as error:
        raise Unsupported(f"quantisation {kind}: the package {package} is not installed") from error
    plain = weight_bytes(model)
    try:
        _by_torchao(model, kind, taken, device) if package == "torchao" else _by_bitsandbytes(
            model, kind, taken
        )
    except (ImportError, NotImplementedError, ValueError, AssertionError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise Unsupported(f"quantisation {kind}: {package} {version} refuses: {reason}") from error
    return Quantised(f"{package} {version}", len(layers), left, plain)


def quantised_modules(model: nn.Module) -> int:
    """Linear layers whose weights are stored as integers."""
    return sum(map(is_quantised, model.modules()))


def _by_torchao(model: nn.Module, kind: str, taken: Iterable[str], device: str) -> None:
    import torchao.quantization as ao

    names = set(taken)
    if kind != "int4":
        config = (ao.Int8WeightOnlyConfig if kind == "int8" else ao.Int8DynamicActivationInt8WeightConfig)(
            version=2
        )
        ao.quantize_(model, config, filter_fn=lambda module, name: name in names)
        return
    if device == "cuda" and (dtype := next(model.parameters()).dtype) != torch.bfloat16:
        raise NotImplementedError(f"on a GPU its kernel takes torch.bfloat16 alone, and this is {dtype}")
    for group in INT4_GROUPS:

        def is_of_group(module: nn.Module, name: str, group: int = group) -> bool:
            return name in names and isinstance(module, nn.Linear) and int4_group(module.in_features) == group

        ao.quantize_(model, _int4_config(group, device), filter_fn=is_of_group)


def _int4_config(group: int, device: str) -> Any:
    """torch's own int4 product of the device: on a GPU tinygemm; on a CPU still a prototype."""
    if device == "cuda":
        from torchao.quantization import Int4WeightOnlyConfig

        return Int4WeightOnlyConfig(group_size=group, int4_packing_format="tile_packed_to_4d")  # pyright: ignore[reportArgumentType] - a str Enum
    from torchao.prototype.quantization.int4.inference_workflow import PrototypeInt4WeightOnlyConfig

    return PrototypeInt4WeightOnlyConfig(group_size=group)


def _by_bitsandbytes(model: nn.Module, kind: str, taken: dict[str, nn.Linear]) -> None:
    from accelerate.hooks import add_hook_to_module

    # It tells every layer's every call that LLM.int8 casts activations to float16
    logging.getLogger("bitsandbytes").setLevel(logging.ERROR)
    library: Any = importlib.import_module(
        "bitsandbytes"
    )  # whose parameter classes have no types to check against
    make = _int8_layer if kind == "llm-int8" else _nf4_layer
    for name, layer in taken.items():
        new = make(layer, library)
        if hook := getattr(
            layer, "_hf_hook", None
        ):  # accelerate's, of a layer that it placed on one of several GPUs
            add_hook_to_module(new, hook)
        parent, _, own = name.rpartition(".")
        setattr(model.get_submodule(parent), own, new)


def _int8_layer(layer: nn.Linear, library: Any) -> nn.Linear:
    """LLM.int8(): rows as int8; features of the activations beyond 6.0 are multiplied unquantised (Dettmers
    et al., 2022).
    """
    integers, scales, _ = library.functional.int8_vectorwise_quant(layer.weight.to(torch.float16))
    shape = (layer.in_features, layer.out_features)
    new = library.nn.Linear8bitLt(
        *shape,
        bias=layer.bias is not None,
        has_fp16_weights=False,
        threshold=6.0,
        device=torch.device("meta"),
    )
    new.weight = library.nn.Int8Params(
        integers, requires_grad=False, has_fp16_weights=False, CB=integers, SCB=scales
    )
    new.bias = layer.bias
    return new.eval()


def _nf4_layer(layer: nn.Linear, library: Any) -> nn.Linear:
    """Blocks of 64 weights as 4-bit normal floats, scales in float32 (Dettmers et al., 2023, without double
    quantisation).
    """
    new = library.nn.Linear4bit(
        layer.in_features,
        layer.out_features,
        bias=layer.bias is not None,
        compute_dtype=layer.weight.dtype,
        quant_type="nf4",
        device=torch.device("meta"),
    )
    new.weight = _nf4_weight(layer.weight.data, new, library)
    new.bias = layer.bias
    return new.eval()


def _nf4_weight(weight: Tensor, module: nn.Module, library: Any) -> nn.Parameter:
    """A weight's codes and scales, made from whole rows at a time: on a CPU each weight is compared with all
    sixteen values.
    """
    parts = [
        library.functional.quantize_4bit(
            rows.contiguous(), blocksize=NF4_BLOCK, quant_type="nf4", compress_statistics=False
        )
        for rows in weight.split(max(1, WEIGHTS_AT_A_TIME // weight.shape[1]))
    ]
    codes, states = zip(*parts, strict=True)
    module.quant_state = library.functional.QuantState(
        absmax=torch.cat([state.absmax for state in states]),
        shape=weight.shape,
        code=states[0].code,
        blocksize=NF4_BLOCK,
        quant_type="nf4",
        dtype=weight.dtype,
    )
    return library.nn.Params4bit(
        torch.cat(codes),
        requires_grad=False,
        quant_state=module.quant_state,
        blocksize=NF4_BLOCK,
        compress_statistics=False,
        quant_type="nf4",
        module=module,
        bnb_quantized=True,
    )
