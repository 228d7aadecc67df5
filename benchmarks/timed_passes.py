"""The overhead of the passes against a bare model.generate: two ways to run a batch, timed in pairs."""

from __future__ import annotations

import contextlib
import io
import time
from collections.abc import Callable
from functools import partial
from typing import TypeVar

from vlm_profiling.engines.transformers.model import TransformersModel
from vlm_profiling.measure.meters.telemetry import open_telemetry
from vlm_profiling.measure.passes.headline import InputBatch, Session, prepared_inputs, run_batch
from vlm_profiling.measure.passes.layers import layers_pass
from vlm_profiling.measure.passes.stages import stages_pass

Pairs = list[tuple[float, float]]
Timed = TypeVar("Timed")

WARM_UP = 10
BLOCK = 5
"""Batches of an instrumented pass: the instruments are set once for all of them, as in a run."""


def timed_pairs(
    first: Callable[[], Timed],
    second: Callable[[], Timed],
    pairs: int,
    *,
    warm_up: int = WARM_UP,
) -> list[tuple[Timed, Timed]]:
    """What both give, pair by pair in alternating order, after a warm-up: what else the machine does falls on
    both.
    """
    for _ in range(warm_up):
        first()
        second()
    timed: list[tuple[Timed, Timed]] = []
    while len(timed) < pairs:
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
    loaded = session.loaded
    assert isinstance(loaded, TransformersModel)
    inputs = loaded.transfer(prepared_inputs(session, batch))
    generate = partial(loaded.library_generate, **inputs, **loaded.generation)

    def step() -> float:
        loaded.synchronise()
        started = time.perf_counter()
        generate()
        loaded.synchronise()
        return time.perf_counter() - started

    return step


def headline_pairs(session: Session, batch: InputBatch, pairs: int, *, warm_up: int = WARM_UP) -> Pairs:
    """The seconds of a bare generate() and of generate() in the headline pass, with telemetry sampled."""
    telemetry_sampler = open_telemetry(session.device, 0 if session.device == "cuda" else None)

    def headline() -> float:
        with telemetry_sampler.sampling():
            return run_batch(session, batch).times.generate_s

    return timed_pairs(bare_generate(session, batch), headline, pairs, warm_up=warm_up)


def stage_pairs(
    session: Session, batch: InputBatch, pairs: int, *, warm_up: int = WARM_UP
) -> tuple[Pairs, Pairs]:
    """The seconds of generate() in the headline and the stages pass; of end to end and the sum of stages.

    Both from the same batches.
    """
    block = [batch] * BLOCK
    reference = [run_batch(session, batch).times] * BLOCK
    reference_s = sum(times.generate_s for times in reference)

    def headline() -> tuple[float, float]:
        times = [run_batch(session, batch).times for batch in block]
        return sum(one.generate_s for one in times), sum(one.end_to_end_s for one in times)

    def instrumented() -> tuple[float, float]:
        with contextlib.redirect_stderr(io.StringIO()):
            stages, _ = stages_pass(session, block, reference)
        return stages.against_headline * reference_s, sum(map(sum, stages.seconds.values()))

    timed = timed_pairs(headline, instrumented, pairs, warm_up=warm_up)
    generate, whole = ([(plain[figure], own[figure]) for plain, own in timed] for figure in (0, 1))
    return generate, whole


def layer_pairs(session: Session, batch: InputBatch, pairs: int) -> Pairs:
    """The seconds of generate() in the headline and in the layers pass."""
    block = [batch] * BLOCK
    reference = [run_batch(session, batch).times] * BLOCK

    def generate_s() -> float:
        return sum(run_batch(session, batch).times.generate_s for batch in block)

    def layers_generate_s() -> float:
        with contextlib.redirect_stderr(io.StringIO()):
            return layers_pass(session, block, reference).generate_s

    return timed_pairs(generate_s, layers_generate_s, pairs)
