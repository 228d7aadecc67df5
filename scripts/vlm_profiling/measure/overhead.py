"""What the passes cost beside a bare model.generate: two ways to run the same batch, timed in pairs."""

from __future__ import annotations

import contextlib
import io
import math
import time
from collections.abc import Callable

from vlm_profiling.measure.layers import layers_pass
from vlm_profiling.measure.passes import InputBatch, Session, run_batch
from vlm_profiling.measure.stages import marked_seconds, stages_pass

Pairs = list[tuple[float, float]]

WARM_UP = 10
LEAST_PAIRS = 8
BLOCK = 5
"""Batches of a marked pass: the marks are set once for all of them, as in a run."""


def timed_pairs(
    first: Callable[[], float], second: Callable[[], float], pairs: int, *, warm_up: int = WARM_UP, budget_s: float = math.inf
) -> Pairs:
    """Seconds of both, pair by pair in alternating order, after a warm-up: what else the machine does falls on both.

    Ends early once `budget_s` is spent, with LEAST_PAIRS in any case.
    """
    began = time.perf_counter()
    for _ in range(warm_up):
        first()
        second()
    timed: Pairs = []
    while len(timed) < pairs and (len(timed) < LEAST_PAIRS or time.perf_counter() - began < budget_s):
        if len(timed) % 2:
            timed.append((first(), second()))
        else:
            later, earlier = second(), first()
            timed.append((earlier, later))
    return timed


def median_ratio(pairs: Pairs) -> tuple[float, tuple[float, float]]:
    """Median of second over first, and its 95 % bootstrap interval."""
    import numpy
    from scipy.stats import bootstrap

    ratios = [second / first for first, second in pairs]
    interval = bootstrap((ratios,), numpy.median, rng=0, method="percentile").confidence_interval
    return float(numpy.median(ratios)), (float(interval.low), float(interval.high))


def bare_generate(session: Session, batch: InputBatch) -> Callable[[], float]:
    """A bare loop's step: model.generate on tensors that are on the device already. Returns its seconds."""
    assert batch.preparation is not None
    inputs = batch.preparation.prepared.inputs.to(session.input_device, session.inference_dtype)

    def step() -> float:
        session.synchronise()
        started = time.perf_counter()
        session.generate(**inputs, **session.generation)
        session.synchronise()
        return time.perf_counter() - started

    return step


def headline_pairs(
    session: Session, batch: InputBatch, pairs: int, *, warm_up: int = WARM_UP, budget_s: float = math.inf
) -> Pairs:
    """Seconds of a bare generate() beside those that the headline pass gives the same batch."""
    return timed_pairs(
        bare_generate(session, batch),
        lambda: run_batch(session, batch).times.generate_s,
        pairs,
        warm_up=warm_up,
        budget_s=budget_s,
    )


def stage_pairs(
    session: Session, batch: InputBatch, pairs: int, *, warm_up: int = WARM_UP, budget_s: float = math.inf
) -> tuple[Pairs, Pairs]:
    """Seconds of the headline's generate() beside the stages pass's; of its end to end beside the sum of the stages.

    Each of the two may take `budget_s`.
    """
    block = [batch] * BLOCK
    reference = [run_batch(session, batch).times] * BLOCK

    def generate_s() -> float:
        return sum(run_batch(session, batch).times.generate_s for batch in block)

    def end_to_end_s() -> float:
        return sum(run_batch(session, batch).times.end_to_end_s for batch in block)

    def stages_generate_s() -> float:
        return sum(marked_seconds(session, block))

    def stages_sum_s() -> float:
        with contextlib.redirect_stderr(io.StringIO()):
            return sum(map(sum, stages_pass(session, block, reference)[0].seconds.values()))

    return (
        timed_pairs(generate_s, stages_generate_s, pairs, warm_up=warm_up, budget_s=budget_s),
        timed_pairs(end_to_end_s, stages_sum_s, pairs, warm_up=warm_up, budget_s=budget_s),
    )


def layer_pairs(session: Session, batch: InputBatch, pairs: int) -> Pairs:
    """Seconds of the headline's generate() beside the layers pass's."""
    block = [batch] * BLOCK
    reference = [run_batch(session, batch).times] * BLOCK

    def generate_s() -> float:
        return sum(run_batch(session, batch).times.generate_s for batch in block)

    def layers_generate_s() -> float:
        with contextlib.redirect_stderr(io.StringIO()):
            return layers_pass(session, block, reference).generate_s

    return timed_pairs(generate_s, layers_generate_s, pairs)
