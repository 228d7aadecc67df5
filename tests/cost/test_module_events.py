"""What is read between the borders of modules belongs to the innermost one, whichever module calls which."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from vlm_profiling.cost.counting.module_events import TimestampEvent, module_events, running_modules


class Work(nn.Module):
    """Moves the clock by so much, then calls the modules in it."""

    def __init__(self, clock: list[int], work: int, *inner: Work) -> None:
        super().__init__()
        self.clock, self.work, self.inner = clock, work, nn.ModuleList(inner)

    def forward(self, value: torch.Tensor) -> torch.Tensor:
        self.clock[0] += self.work
        for module in self.inner:
            module(value)
        return value


def spent(events: list[TimestampEvent]) -> dict[object, int]:
    totals: dict[object, int] = {}
    for running, before, after in running_modules(events):
        totals[running[-1]] = totals.get(running[-1], 0) + after - before
    return totals


def test_an_inner_module_is_taken_out_of_the_one_that_calls_it() -> None:
    clock = [0]
    merger = Work(clock, 10)
    model = Work(clock, 1, Work(clock, 100, merger), merger)
    labels = [("", "lm"), ("inner.0", "vision"), ("inner.0.inner.0", "project")]
    with module_events(model, labels, lambda: clock[0]) as events:
        events.append(("loop", clock[0]))
        for _ in range(3):
            clock[0] += 1000
            model(torch.zeros(1))
        clock[0] += 5
        events.append((None, clock[0]))
    assert spent(events) == {"loop": 3005, "prefill": 1, "decode": 2, "vision": 300, "project": 3 * 2 * 10}
    assert sum(spent(events).values()) == clock[0]


def test_a_module_may_have_two_labels_the_second_inside_the_first() -> None:
    clock = [0]
    model = Work(clock, 3, Work(clock, 7))
    with module_events(model, [("inner.0", "project"), ("inner.0", "Linear")], lambda: clock[0]) as events:
        events.append(("loop", 0))
        model(torch.zeros(1))
        events.append((None, clock[0]))
    assert spent(events) == {"loop": 3, "project": 0, "Linear": 7}


def test_no_mark_is_left_behind_even_when_the_model_raises() -> None:
    model = nn.Sequential(nn.Linear(2, 2), nn.ReLU())
    with pytest.raises(RuntimeError), module_events(model, [("", "lm"), ("0", "vision")], lambda: 0):
        assert model._compiled_call_impl and model[0]._compiled_call_impl and not model[1]._compiled_call_impl
        model(torch.zeros(1, 3))
    assert not any(module._compiled_call_impl for module in model.modules())


def test_a_compiled_module_is_marked_around_its_call_and_left_as_it_was() -> None:
    model = nn.Sequential(nn.Linear(2, 2))
    compiled = model[0]._compiled_call_impl = lambda value: value + 1
    with module_events(model, [("0", "vision")], lambda: 0) as events:
        assert model(torch.ones(1)).item() == 2
    assert [label for label, _ in events] == ["vision", None]
    assert model[0]._compiled_call_impl is compiled
