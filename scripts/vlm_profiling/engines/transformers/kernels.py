"""The attention kernel and the cache that a run is held to, and which kernels and integer products really
ran.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

from vlm_profiling.engines.base import KernelCalls, PreparedBatch
from vlm_profiling.models.errors import Unsupported
from vlm_profiling.study.inputs import OptimizationConfig
from vlm_profiling.study.quantisation import SCHEMES

if TYPE_CHECKING:
    from vlm_profiling.engines.transformers.model import TransformersModel

BACKENDS = {
    "sdpa-math": "MATH",
    "sdpa-flash": "FLASH_ATTENTION",
    "sdpa-efficient": "EFFICIENT_ATTENTION",
    "sdpa-cudnn": "CUDNN_ATTENTION",
}
"""Members of torch.nn.attention.SDPBackend, by the name of the attention that forces them."""
OPERATORS = {
    "aten::_scaled_dot_product_attention_math": "sdpa-math",
    "aten::_scaled_dot_product_flash_attention": "sdpa-flash",
    "aten::_scaled_dot_product_flash_attention_for_cpu": "sdpa-flash",
    "aten::_scaled_dot_product_efficient_attention": "sdpa-efficient",
    "aten::_scaled_dot_product_cudnn_attention": "sdpa-cudnn",
    "flash_attn::_flash_attn_forward": "flash_attention_2",
    "flash_attn::_flash_attn_varlen_forward": "flash_attention_2",
}
"""Operators that torch dispatches for each kernel; those of flash-attn are what its own source registers,
never seen run here.
"""
INTEGER_OPERATORS = frozenset(name for scheme in SCHEMES.values() for name in scheme.operators)
CONVERSION, INT8 = "aten::_to_copy", "signed char"
"""Weight-only int8 is brought back to the dtype of the activations: a conversion from what the profiler calls
signed char.
"""
NO_KERNEL = ("No viable backend for scaled_dot_product_attention", "No available kernel")
"""How torch begins to say that no kernel which it may use takes these tensors on this device."""
NOT_COMPILED = "Error in op:"
"""What torch's compiled code says of an operator that returns other strides than it promised."""
NO_CACHE = "does not support `cache_implementation="
PROBED_TOKENS = 2
"""A prefill and a decode step: the two kinds of attention that a run has."""


@contextmanager
def force_attention_backend(asked: OptimizationConfig) -> Iterator[None]:
    """Let scaled dot-product attention use the kernel asked for and no other, in this thread.

    Raises Unsupported where the device, the tensors or the model's class refuse the kernel or the cache, and
    where a quantised product does not compile.
    """
    from torch.nn.attention import SDPBackend, sdpa_kernel

    backend = BACKENDS.get(asked.attention)
    try:
        with sdpa_kernel(SDPBackend.__members__[backend]) if backend else nullcontext():
            yield
    except RuntimeError as error:
        if backend and any(words in str(error) for words in NO_KERNEL):
            reason = "torch has no such kernel for these tensors on this device"
            raise Unsupported(f"attention {asked.attention}: {reason}") from error
        raise
    except AssertionError as error:
        if asked.compile and asked.quantisation and NOT_COMPILED in str(error):
            package = SCHEMES[asked.quantisation].package
            raise Unsupported(
                f"quantisation {asked.quantisation}: {package}'s product on this device does not compile"
            ) from error
        raise
    except ValueError as error:
        if asked.cache and NO_CACHE in str(error):
            raise Unsupported(f"cache {asked.cache}: the model's class does not support it") from error
        raise


def kernels_that_ran(loaded: TransformersModel, batch: PreparedBatch) -> KernelCalls:
    """Calls in a prefill and a decode step of one batch, by the profiler of torch, on the CPU's side of any
    device.

    Slows what it looks at: no figure comes from it.
    """
    from torch.profiler import ProfilerActivity, profile

    inputs = loaded.transfer(batch)
    short = {
        name: min(loaded.generation[name], PROBED_TOKENS) for name in ("max_new_tokens", "min_new_tokens")
    }
    with profile(activities=[ProfilerActivity.CPU], record_shapes=True) as profiler:
        loaded.generate(inputs, **short)
    calls = KernelCalls({}, {})
    seen: Any = profiler.profiler
    for event in seen.kineto_results.events():  # which alone tell the dtypes that an operator read
        name = event.name()
        if name in OPERATORS:
            kernel = OPERATORS[name]
            calls.attention[kernel] = calls.attention.get(kernel, 0) + 1
        elif name in INTEGER_OPERATORS and (name != CONVERSION or event.dtypes()[:1] == [INT8]):
            calls.integers[name] = calls.integers.get(name, 0) + 1
    return calls
