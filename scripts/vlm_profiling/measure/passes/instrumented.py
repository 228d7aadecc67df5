"""Batches run with timestamp events inside generate(), for the passes that divide its time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from vlm_profiling.engines.base import InstrumentedModel, Instruments, Labels, Unsupported
from vlm_profiling.measure.passes.headline import InputBatch, Session, run_batch
from vlm_profiling.record.absent import Absent
from vlm_profiling.record.schema import Batch
from vlm_profiling.record.sections import Interval
from vlm_profiling.statistics.intervals import ratio_interval


@dataclass(frozen=True)
class InstrumentedBatch:
    """One batch's times as in the headline pass, and the events inside it."""

    times: Batch
    model: InstrumentedModel
    """Its events are those of this batch until the next one runs."""


def instruments_of(session: Session) -> Instruments:
    """The engine's instruments. Raises Unsupported with the reason where it has none."""
    instruments = session.loaded.capabilities.instruments
    if isinstance(instruments, Absent):
        raise Unsupported(instruments.reason)
    return instruments


def instrumented_batches(
    session: Session, batches: Iterable[InputBatch], labels: Labels
) -> Iterator[InstrumentedBatch]:
    """Every batch once, in order, with events at the borders of the labelled modules.

    The model is left as it was, also when it raises. Raises Unsupported where the engine has no instruments.
    """
    with instruments_of(session).instrument(labels) as model:
        instrumented = replace(session, loaded=model.model)
        for batch in batches:
            yield InstrumentedBatch(run_batch(instrumented, batch).times, model)


def headline_ratio(times: Sequence[Batch], headline: Sequence[Batch]) -> tuple[float, Interval | None]:
    """The overhead of a pass: generate() of all batches over that of the headline, with its 95 % interval."""
    own, uninstrumented = ([batch.generate_s for batch in run] for run in (times, headline))
    return sum(own) / sum(uninstrumented), ratio_interval(own, uninstrumented)
