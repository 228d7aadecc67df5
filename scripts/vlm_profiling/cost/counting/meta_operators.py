"""Operators on the meta device, each worked out once: layers repeat, and shapes alone decide what an operator
gives.

Many of torch's operators find the shape of their result in Python, which takes a hundred times as long as
making an empty tensor of a shape that is known.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from typing_extensions import override

from vlm_profiling.errors import VlmError


class KnownShapes(TorchDispatchMode):
    """Gives an operator's result by its arguments' shapes, strides and dtypes where these were seen before.

    Only of operators that make new tensors on the meta device from nothing else; views, changes in place and
    all others run as always. To be entered before modes that count: they then still see every operator.
    """

    def __init__(self) -> None:
        super().__init__()
        self._results: dict[Any, list[_Layout]] = {}
        """By operator and arguments: the layouts of its new tensors; none for one that gives anything else.
        """

    @override
    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        try:
            call = (func, _key(args), _key(kwargs), torch.get_default_dtype())
            known = self._results.get(call)
        except (_ElsewhereError, TypeError):  # the latter for an argument without a hash
            return func(*args, **kwargs)
        if not known:
            result = func(*args, **kwargs)
            if known is None:
                self._results[call] = _new_layouts(result, func, tree_leaves((args, kwargs)))
            return result
        first, *others = map(_Layout.empty, known)
        return (first, *others) if others else first


class _Layout(NamedTuple):
    """What decides what an operator makes of a tensor on the meta device, and all there is to one that it
    makes.
    """

    shape: tuple[int, ...]
    stride: tuple[int, ...]
    dtype: torch.dtype

    def empty(self) -> Tensor:
        return torch.empty_strided(self.shape, self.stride, dtype=self.dtype, device="meta")


class _ElsewhereError(VlmError):
    """An argument is a tensor that lies somewhere else, so that its values may count."""


def _key(argument: Any) -> Any:
    """What a result depends on of an argument, types included: 1, 1.0 and True are equal to Python."""
    if isinstance(argument, Tensor):
        return _layout(argument)
    kind = type(argument)
    if kind is list or kind is tuple:
        return kind, *map(_key, argument)
    if kind is dict:
        return tuple((name, _key(value)) for name, value in argument.items())
    return kind, argument


def _layout(tensor: Tensor) -> _Layout:
    if not _is_all_layout(tensor):
        raise _ElsewhereError
    return _Layout(tuple(tensor.shape), tensor.stride(), tensor.dtype)


def _is_all_layout(tensor: Tensor) -> bool:
    return tensor.is_meta and tensor.layout is torch.strided


def _new_layouts(result: Any, func: Any, given: list[Any]) -> list[_Layout]:
    """The layouts of an operator's results if they are tensors of their own; none for all others."""
    made: tuple[Any, ...] = result if type(result) is tuple and len(result) > 1 else (result,)
    if any(part.alias_info is not None for part in (*func._schema.arguments, *func._schema.returns)):
        return []
    if not all(isinstance(part, Tensor) and _is_all_layout(part) for part in made):
        return []
    layouts = [_layout(part) for part in made]
    taken = {leaf.untyped_storage()._cdata for leaf in given if isinstance(leaf, Tensor)}
    for part, layout in zip(made, layouts, strict=True):
        storage = part.untyped_storage()
        if (
            storage._cdata in taken
            or part.storage_offset()
            or storage.nbytes() != layout.empty().untyped_storage().nbytes()
        ):
            return []  # a view, though its schema does not call it one
        taken.add(storage._cdata)
    return layouts
