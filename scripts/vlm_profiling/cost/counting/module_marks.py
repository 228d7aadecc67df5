"""Readings at the borders of a model's modules while it runs, and which modules were running between them.

What is read only ever grows (a clock, a count of FLOPs), and what it grew by between two borders belongs to
the module that was entered last: figures are exclusive, add up to the whole, and do not care which module
calls which.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from itertools import pairwise
from typing import Any, TypeAlias

Mark: TypeAlias = tuple[Hashable | None, Any]
"""The label of a module that is entered, or None for one that is left, and the reading then."""
Call: TypeAlias = Callable[..., Any]


@contextmanager
def module_marks(
    model: Any, labels: Iterable[tuple[str, Hashable]], read: Callable[[], Any]
) -> Iterator[list[Mark]]:
    """A list that grows by two marks for each call of a labelled module, until the block ends.

    `labels` are names of modules ("" is the model) with their label; of two labels of one module the second
    is inner. Marks stand around a module's call, where torch puts what it compiled: a hook would become part
    of what is compiled, and sends every call of its module a longer way.
    """
    marks: list[Mark] = []
    with ExitStack() as undo:
        for name, label in reversed(list(labels)):
            wrap = partial(_marked, label=label, read=read, marks=marks)
            undo.enter_context(wrapped_call(model.get_submodule(name), wrap))
        yield marks


@contextmanager
def wrapped_call(module: Any, wrap: Callable[[Call], Call]) -> Iterator[None]:
    """While the block runs, calls of the module go to what `wrap` makes of its call, compiled or not."""
    own = module._compiled_call_impl
    module._compiled_call_impl = wrap(own or module._call_impl)
    try:
        yield
    finally:
        module._compiled_call_impl = own


def _marked(call: Call, label: Hashable, read: Callable[[], Any], marks: list[Mark]) -> Call:
    def marked_call(*arguments: Any, **named: Any) -> Any:
        marks.append((label, read()))
        result = call(*arguments, **named)
        marks.append((None, read()))
        return result

    return marked_call


def running_modules(marks: Sequence[Mark]) -> Iterator[tuple[list[Hashable], Any, Any]]:
    """Between each two marks: the labels of the modules running, innermost last, and the readings at both
    ends.

    The first mark enters the whole, the last one leaves it. A module labelled "lm" is prefill in its first
    call and decode in the following ones. The list of labels is one and the same, and changes between steps.
    """
    steps = iter(("prefill",))
    running: list[Hashable] = []
    for (label, begin), (_, end) in pairwise(marks):
        if label is None:
            running.pop()
        else:
            running.append(next(steps, "decode") if label == "lm" else label)
        yield running, begin, end
