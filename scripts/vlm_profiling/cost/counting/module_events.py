"""Events at the borders of a model's modules while it runs, and the modules that ran between them.

What is read only ever grows (a clock, a count of FLOPs), and its growth between two borders belongs to the
module that was entered last: values are exclusive, add up to the whole, and do not depend on which module
calls which.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from itertools import pairwise
from typing import Any, TypeAlias

TimestampEvent: TypeAlias = tuple[Hashable | None, Any]
"""The label of a module that is entered, or None for one that is left, and the reading then."""
Call: TypeAlias = Callable[..., Any]


@contextmanager
def module_events(
    model: Any, labels: Iterable[tuple[str, Hashable]], read: Callable[[], Any]
) -> Iterator[list[TimestampEvent]]:
    """A list that grows by two events for each call of a labelled module, until the block ends.

    Events are recorded around a module's call, where torch puts what it compiled: a hook would become part
    of what is compiled, and sends every call of its module a longer way.

    Args:
        model: a torch module.
        labels: names of modules ("" is the model) with their label; of two labels of one module the second
            is inner.
        read: gives the reading of an event.
    """
    events: list[TimestampEvent] = []
    with ExitStack() as undo:
        for name, label in reversed(list(labels)):
            wrap = partial(_instrumented, label=label, read=read, events=events)
            undo.enter_context(wrapped_call(model.get_submodule(name), wrap))
        yield events


@contextmanager
def wrapped_call(module: Any, wrap: Callable[[Call], Call]) -> Iterator[None]:
    """While the block runs, calls of the module go to what `wrap` makes of its call, compiled or not."""
    own = module._compiled_call_impl
    module._compiled_call_impl = wrap(own or module._call_impl)
    try:
        yield
    finally:
        module._compiled_call_impl = own


def _instrumented(call: Call, label: Hashable, read: Callable[[], Any], events: list[TimestampEvent]) -> Call:
    def instrumented_call(*arguments: Any, **named: Any) -> Any:
        events.append((label, read()))
        result = call(*arguments, **named)
        events.append((None, read()))
        return result

    return instrumented_call


def running_modules(events: Sequence[TimestampEvent]) -> Iterator[tuple[list[Hashable], Any, Any]]:
    """Between each two events: the labels of the modules running, innermost last, and the readings at both
    ends.

    The first event enters the whole, the last one leaves it. A module labelled "lm" is prefill in its first
    call and decode in the following ones. The list of labels is one and the same, and changes between steps.
    """
    steps = iter(("prefill",))
    running: list[Hashable] = []
    for (label, begin), (_, end) in pairwise(events):
        if label is None:
            running.pop()
        else:
            running.append(next(steps, "decode") if label == "lm" else label)
        yield running, begin, end
