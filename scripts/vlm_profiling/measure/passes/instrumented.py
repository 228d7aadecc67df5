"""Batches run with marks at the borders of chosen modules and at the first token, for the passes that look
inside generate().

On a GPU a mark is a CUDA event, recorded among the kernels and read after the batch's own synchronise:
marking never waits. On several GPUs it does, for all of them.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import torch
from transformers import StoppingCriteria, StoppingCriteriaList

from vlm_profiling.cost.counting.module_marks import Mark, module_marks
from vlm_profiling.measure.passes.headline import InputBatch, Session, run_batch
from vlm_profiling.record.schema import Batch
from vlm_profiling.record.sections import Interval
from vlm_profiling.statistics.intervals import ratio_interval


class HostClock:
    """Nanoseconds of time.perf_counter."""

    read = staticmethod(time.perf_counter_ns)

    @staticmethod
    def seconds(begin: int, end: int) -> float:
        """Between two readings."""
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
        """Between two events that have passed."""
        return begin.elapsed_time(end) * 1e-3


class WaitingClock:
    """Nanoseconds of time.perf_counter when several GPUs have done their work: an event is one GPU's own, and
    theirs cannot be compared. Waiting at each mark keeps the host from running ahead, which the ratio to the
    headline shows."""

    def __init__(self, synchronise: Callable[[], None]) -> None:
        self._synchronise = synchronise

    def read(self) -> int:
        """The time when all that was started is done."""
        self._synchronise()
        return time.perf_counter_ns()

    seconds = staticmethod(HostClock.seconds)


MarkClock: TypeAlias = type[HostClock] | type[CudaClock] | WaitingClock


class FirstToken(StoppingCriteria):
    """Never stops; reads the clock when generate() first asks, which it does as soon as a token's id is
    known.
    """

    def __init__(self, clock: MarkClock) -> None:
        self.clock = clock
        self.reading: Any = None
        self.none_stops: torch.Tensor | None = None

    def __call__(self, input_ids: torch.Tensor, scores: Any, **_: Any) -> Any:
        """False for every row."""
        if self.reading is None:
            self.reading = self.clock.read()
            self.none_stops = torch.zeros(len(input_ids), dtype=torch.bool, device=input_ids.device)
        return self.none_stops


@dataclass(frozen=True)
class MarkedBatch:
    """One batch's times as in the headline pass, and what its marks tell."""

    times: Batch
    marks: Sequence[Mark]
    """From the beginning of generate(), labelled "loop", to its end; valid until the next batch runs."""
    first_token_s: float
    """From the beginning of generate() to the first token's id."""


def marked_batches(
    session: Session, batches: Iterable[InputBatch], labels: Iterable[tuple[str, Hashable]]
) -> Iterator[MarkedBatch]:
    """Every batch once, in order, its modules marked by label. The model is left as it was, also when it
    raises.
    """
    clock = clock_of(session)
    first_token = FirstToken(clock)
    staged = copy.copy(session)
    staged.generation = {**session.generation, "stopping_criteria": StoppingCriteriaList([first_token])}
    with module_marks(session.checkpoint.model, labels, clock.read) as marks:

        def generate(**arguments: Any) -> torch.Tensor:
            marks[:] = [("loop", clock.read())]
            first_token.reading = None
            output_ids = session.generate(**arguments)
            marks.append((None, clock.read()))
            return output_ids

        staged.generate = generate
        for batch in batches:
            times = run_batch(staged, batch).times
            yield MarkedBatch(times, marks, clock.seconds(marks[0][1], first_token.reading))


def clock_of(session: Session) -> MarkClock:
    """The clock of the device that does the work."""
    if session.checkpoint.gpus > 1:
        return WaitingClock(session.synchronise)
    return CudaClock if session.device == "cuda" else HostClock


def headline_ratio(times: Sequence[Batch], headline: Sequence[Batch]) -> tuple[float, Interval | None]:
    """What marking cost: generate() of all batches over that of the same batches unmarked, with its 95 %
    interval.
    """
    marked, unmarked = ([batch.generate_s for batch in run] for run in (times, headline))
    return sum(marked) / sum(unmarked), ratio_interval(marked, unmarked)
