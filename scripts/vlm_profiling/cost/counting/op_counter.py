"""How many operations a piece of torch code dispatches: what its launches cost before any arithmetic."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

_UNMARKED_VIEW = torch.ops.aten._unsafe_view.default
"""A view of a temporary, which autograd need not know of as one."""


class OpCounter(TorchDispatchMode):
    """Counts the operations dispatched while it is entered, each a kernel launch on a GPU; views launch
    nothing.
    """

    def __init__(self) -> None:
        super().__init__()
        self.ops = 0

    def __torch_dispatch__(
        self,
        func: Any,
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        self.ops += not (func.is_view or func is _UNMARKED_VIEW)
        return func(*args, **(kwargs or {}))


def count_ops(run: Callable[[], object]) -> int:
    """Operations that one call dispatches."""
    with OpCounter() as counter:
        run()
    return counter.ops
