"""What torch's operators allocate, followed while they run: on the CPU, where torch keeps no count, and on
the meta device.
"""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from itertools import accumulate
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from typing_extensions import override


class LiveBytes(TorchDispatchMode):
    """Follows the storages that operators allocate on a type of device until their last tensor is gone."""

    def __init__(self, device_type: str) -> None:
        super().__init__()
        self.device_type = device_type
        self.moments: list[int] = []
        """Bytes alive after each operator, of those allocated since this mode was entered."""
        self._born: dict[int, int] = {}
        """The operator that allocated each storage, by its number."""
        self._alive: dict[int, int] = {}
        self._bytes = 0

    @property
    def peak_bytes(self) -> int:
        """The largest of the moments."""
        return max(self.moments, default=0)

    def held_by(self, tensors: Sequence[Tensor]) -> list[int]:
        """Of the bytes alive at each moment, those that these tensors of the result hold at the end."""
        grown = [0] * len(self.moments)
        for storage in _storages(tensors):
            grown[self._born[storage._cdata]] += storage.nbytes()
        return list(accumulate(grown))

    @override
    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        given = {storage._cdata for storage in _storages((args, kwargs))}
        for storage in _storages(result):
            new = storage._cdata not in given and storage._cdata not in self._alive
            if new and storage.device.type == self.device_type:
                self._alive[storage._cdata] = storage.nbytes()
                self._bytes += storage.nbytes()
                self._born[storage._cdata] = len(self.moments)
                weakref.finalize(storage, self._freed, storage._cdata)
        self.moments.append(self._bytes)
        return result

    def _freed(self, storage: int) -> None:
        self._bytes -= self._alive.pop(storage)


def cache_tensors(cache: Any) -> list[Tensor]:
    """Keys and values of a transformers cache; an encoder-decoder's has one half for itself and one for the
    encoder's output.
    """
    if hasattr(cache, "cross_attention_cache"):
        return [*cache_tensors(cache.self_attention_cache), *cache_tensors(cache.cross_attention_cache)]
    return [tensor for layer in cache.layers if layer.is_initialized for tensor in (layer.keys, layer.values)]


def _storages(tensors: Any) -> list[torch.UntypedStorage]:
    return [leaf.untyped_storage() for leaf in tree_leaves(tensors) if isinstance(leaf, Tensor)]
