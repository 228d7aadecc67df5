"""Timestamp events at the borders of a model's modules and at the first token, inside generate().

On a GPU an event is a CUDA event, recorded among the kernels and read after the batch's own synchronise:
recording never waits. On several GPUs it does, for all of them.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeAlias

import torch
from transformers import StoppingCriteria, StoppingCriteriaList

from vlm_profiling.cost.counting.module_events import TimestampEvent, module_events
from vlm_profiling.engines.base import Labels, Layer
from vlm_profiling.engines.transformers.layers import model_layers
from vlm_profiling.models.errors import Unsupported
from vlm_profiling.models.generic.family import Generic

if TYPE_CHECKING:
    from vlm_profiling.engines.transformers.model import TransformersModel


class HostClock:
    """Nanoseconds of time.perf_counter."""

    read = staticmethod(time.perf_counter_ns)

    @staticmethod
    def seconds(begin: int, end: int) -> float:
        """The time between two readings, s."""
        return (end - begin) * 1e-9


class CudaClock:
    """Events on the current stream; only their distances are times, and only after a synchronise."""

    @staticmethod
    def read() -> torch.cuda.Event:
        """An event after all kernels launched so far."""
        event = torch.cuda.Event(enable_timing=True)
        event.record()
        return event

    @staticmethod
    def seconds(begin: torch.cuda.Event, end: torch.cuda.Event) -> float:
        """The time between two events that have passed, s."""
        return begin.elapsed_time(end) * 1e-3


class WaitingClock:
    """Nanoseconds of time.perf_counter when several GPUs have done their work: an event is one GPU's own, and
    theirs cannot be compared. Waiting at each event keeps the host from running ahead, which the ratio to the
    headline shows."""

    def __init__(self, synchronise: Callable[[], None]) -> None:
        self._synchronise = synchronise

    def read(self) -> int:
        """The time when all that was started is done."""
        self._synchronise()
        return time.perf_counter_ns()

    seconds = staticmethod(HostClock.seconds)


EventClock: TypeAlias = type[HostClock] | type[CudaClock] | WaitingClock


class FirstToken(StoppingCriteria):
    """Never stops; reads the clock when generate() first asks, as soon as the id of a token is known."""

    def __init__(self, clock: EventClock) -> None:
        self.clock = clock
        self.reading: Any = None
        self.none_stops: torch.Tensor | None = None

    def __call__(self, input_ids: torch.Tensor, scores: Any, **_: Any) -> Any:
        """False for every row."""
        if self.reading is None:
            self.reading = self.clock.read()
            self.none_stops = torch.zeros(len(input_ids), dtype=torch.bool, device=input_ids.device)
        return self.none_stops


class EventModel:
    """A model whose labelled modules record events, and the events of the last batch that it ran."""

    def __init__(self, loaded: TransformersModel, clock: EventClock, events: list[TimestampEvent]) -> None:
        self.events, self._clock = events, clock
        self._first_token, self._generate = FirstToken(clock), loaded.library_generate
        self.model = copy.copy(loaded)
        self.model.generation = {
            **loaded.generation,
            "stopping_criteria": StoppingCriteriaList([self._first_token]),
        }
        self.model.library_generate = self._generate_with_events

    def _generate_with_events(self, **arguments: Any) -> torch.Tensor:
        self.events[:] = [("loop", self._clock.read())]
        self._first_token.reading = None
        output_ids = self._generate(**arguments)
        self.events.append((None, self._clock.read()))
        return output_ids

    def seconds(self, begin: Any, end: Any) -> float:
        """The time between the readings of two events of a finished batch, s."""
        return self._clock.seconds(begin, end)

    @property
    def first_token_s(self) -> float:
        """The time from the beginning of generate() to the first token's id in the last batch, s."""
        return self.seconds(self.events[0][1], self._first_token.reading)


class ModuleInstruments:
    """The events of a transformers model: around the calls of its modules."""

    def __init__(self, loaded: TransformersModel) -> None:
        self._loaded = loaded

    def stage_labels(self) -> tuple[dict[str, str], dict[str, str]]:
        """The stage of each module at the border of one, and the reasons for the stages that have none."""
        return stage_modules(self._loaded)

    def layer_labels(self) -> list[tuple[str, Layer]]:
        """The layers by name. Raises Unsupported for a compiled model, whose layers are no calls any more."""
        model = self._loaded.checkpoint.model
        if any(module._compiled_call_impl is not None for module in model.modules()):
            raise Unsupported("the model is compiled: its layers are no calls of their own")
        return list(model_layers(model))

    @contextmanager
    def instrument(self, labels: Labels) -> Iterator[EventModel]:
        """The model with events at the borders of the labelled modules, until the block ends.

        The model is left as it was, also when the block raises.
        """
        loaded = self._loaded
        if loaded.checkpoint.gpus > 1:
            clock: EventClock = WaitingClock(loaded.synchronise)
        else:
            clock = CudaClock if loaded.device == "cuda" else HostClock
        with module_events(loaded.checkpoint.model, labels, clock.read) as events:
            yield EventModel(loaded, clock, events)


def stage_modules(loaded: TransformersModel) -> tuple[dict[str, str], dict[str, str]]:
    """The stage of each module at the border of one that can be seen, and the reasons for absent stages.

    A module compiled into another one's graph cannot be seen: its time is the other's.
    """
    model, family = loaded.checkpoint.model, loaded.checkpoint.family
    modules = family.stage_modules(model)
    graphs = [name for name in modules if model.get_submodule(name)._compiled_call_impl is not None]
    hidden = {
        name for name in modules if name not in graphs and any(_inside(name, graph) for graph in graphs)
    }
    absent = {}
    for stage in ("vision", "project"):
        names = [name for name, bounded in modules.items() if bounded == stage]
        if not names and isinstance(family, Generic):
            absent[stage] = "the generic family knows no module of it: its time is in prefill, vision or loop"
        elif not names:
            absent[stage] = f"{family.name} has no such stage"
        elif hidden.issuperset(names):
            absent[stage] = "compiled into another stage's graph, which holds its time"
    return {name: stage for name, stage in modules.items() if name not in hidden}, absent


def _inside(name: str, graph: str) -> bool:
    return not graph or name.startswith(f"{graph}.")
