"""Pretended GPUs for torch on the CPU: tensors that say they are on cuda:0, cuda:1..., and refuse to be mixed
as CUDA's do.

The numbers are the CPU's. Where each storage is pretended to lie is kept beside it: an operator whose
operands lie on several devices raises as torch does, what it allocates lies where its operands lie, and only
`.to`, `copy_` and a factory's `device` move anything. As with CUDA, single numbers of the CPU may meet any
tensor, and its indices may index one.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

CPU = torch.device("cpu")
DEVICE, IS_CUDA = (getattr(getattr(Tensor, name), "__get__") for name in ("device", "is_cuda"))  # noqa: B009 - of the properties
MOVES = {
    "aten::copy_",
    "aten::_to_copy",
    "aten::_local_scalar_dense",
    "aten::set_",
    "aten::detach",
    "aten::alias",
}
INDEXING = {"aten::index", "aten::index_put", "aten::index_put_", "aten::_index_put_impl_"}


class Places:
    """Where each storage is pretended to lie; the CPU unless said otherwise."""

    def __init__(self) -> None:
        self._of: dict[int, torch.device] = {}
        self.target: torch.device | None = None
        """Where what is allocated now shall lie."""
        self.moved: list[tuple[torch.device, torch.device]] = []
        """From where to where tensors were moved from one GPU to another."""

    def get(self, tensor: Tensor) -> torch.device:
        if tensor.is_meta:
            return torch.device("meta")
        return self._of.get(tensor.untyped_storage()._cdata, CPU)

    def put(self, tensor: Tensor, device: torch.device) -> None:
        storage = tensor.untyped_storage()
        if storage._cdata not in self._of:
            weakref.finalize(storage, self._of.pop, storage._cdata, None)
        self._of[storage._cdata] = device


class Operators(TorchDispatchMode):
    """Checks the operands of every operator, and places what it allocates."""

    def __init__(self, places: Places) -> None:
        super().__init__()
        self.places = places

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = func._schema.name
        checked = (args[0], args[2:]) if name in INDEXING else (args, kwargs)
        operands = [leaf for leaf in tree_leaves(checked) if isinstance(leaf, Tensor) and not leaf.is_meta]
        met = {self.places.get(operand) for operand in operands if operand.dim() > 0}
        if len(met) > 1 and name not in MOVES:
            found = " and ".join(sorted(map(str, met)))
            raise RuntimeError(
                "Expected all tensors to be on the same device, but found at least two devices, "
                f"{found} ({name})"
            )
        known = {operand.untyped_storage()._cdata for operand in operands}
        everywhere = sorted(met or {self.places.get(operand) for operand in operands}, key=str)
        result = func(*args, **(kwargs or {}))
        for leaf in tree_leaves(result):
            if isinstance(leaf, Tensor) and not leaf.is_meta and leaf.untyped_storage()._cdata not in known:
                self.places.put(leaf, self.places.target or (everywhere[-1] if everywhere else CPU))
        return result


class Calls(TorchFunctionMode):
    """Answers what is asked about a device, and does what is asked for one."""

    def __init__(self, places: Places) -> None:
        super().__init__()
        self.places = places

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = dict(kwargs or {})
        if func is torch.device:
            return _device(*args, **kwargs) if len(args) == 1 else func(*args, **kwargs)
        if func == DEVICE:
            return self.places.get(args[0])
        if func == IS_CUDA:
            return self.places.get(args[0]).type == "cuda"
        if func is Tensor.to:
            return self._to(*args, **kwargs)
        if func is Tensor.cpu:
            return self._to(args[0], CPU)
        device = _device(kwargs.get("device"))
        if device is None or device.type == "meta":
            with self._placing(None):
                return func(*args, **kwargs)
        with self._placing(device):
            result = func(*args, **{**kwargs, "device": "cpu"})
        if func is torch.tensor:  # which allocates unseen by dispatch modes
            self.places.put(result, device)
        return result

    def _to(self, tensor: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        given = [*args, *kwargs.values()]
        other = next((value for value in given if isinstance(value, Tensor)), None)
        dtype = next(
            (value for value in given if isinstance(value, torch.dtype)),
            other.dtype if other is not None else None,
        )
        wanted = kwargs.get("device", args[0] if args else None)
        device = self.places.get(other) if other is not None else _device(wanted)
        here = self.places.get(tensor)
        device = device or here
        if device == here and (dtype is None or dtype == tensor.dtype) and not kwargs.get("copy"):
            return tensor
        if here.type == device.type == "cuda" and here != device:
            self.places.moved.append((here, device))
        with self._placing(device):
            return torch.Tensor.to(tensor, dtype=dtype or tensor.dtype, copy=True)

    @contextmanager
    def _placing(self, device: torch.device | None) -> Iterator[None]:
        before, self.places.target = self.places.target, device
        try:
            yield
        finally:
            self.places.target = before


def _device(value: Any) -> torch.device | None:
    """A device as torch takes it: an object, a name or a GPU's number."""
    if isinstance(value, bool) or not isinstance(value, (int, str, torch.device)):
        return None
    with torch._C.DisableTorchFunction():
        device = torch.device("cuda", value) if isinstance(value, int) else torch.device(value)
    return torch.device("cuda", 0) if device.type == "cuda" and device.index is None else device


@contextmanager
def pretended_gpus(monkeypatch: pytest.MonkeyPatch, count: int) -> Iterator[Places]:
    """While the block runs torch has `count` GPUs."""
    monkeypatch.setenv("HF_DEACTIVATE_ASYNC_LOAD", "1")  # modes are a thread's own
    answers = {
        "device_count": lambda: count,
        "is_available": lambda: True,
        "current_device": lambda: 0,
        "synchronize": lambda device=None: None,
        "mem_get_info": lambda device=None: (80 * 2**30, 80 * 2**30),
        "memory_reserved": lambda device=None: 0,
        "memory_allocated": lambda device=None: 0,
        "max_memory_reserved": lambda device=None: 2048,
        "max_memory_allocated": lambda device=None: 1024,
        "reset_peak_memory_stats": lambda device=None: None,
        "is_current_stream_capturing": lambda: False,
        "get_device_name": lambda device=None: "Pretended board",
        "get_rng_state": lambda device=None: torch.zeros(0, dtype=torch.uint8),
        "set_rng_state": lambda state, device=None: None,
    }
    for name, answer in answers.items():
        monkeypatch.setattr(torch.cuda, name, answer)
    places = Places()
    with ExitStack() as modes:
        modes.enter_context(Operators(places))
        modes.enter_context(Calls(places))
        yield places
