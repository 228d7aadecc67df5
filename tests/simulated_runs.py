"""Runs whose truth is known: what batches take, how noisy each is, how far a whole pass is off."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from vlm_profiling.statistics.compare import Times, Verdict, compare
from vlm_profiling.statistics.intervals import mean_interval
from vlm_profiling.statistics.repeats import enough_rounds, round_noise
from vlm_profiling.study.config import RepeatsConfig

SETTINGS = RepeatsConfig()
LOG_MEAN, LOG_SIGMA = -1.0, 0.3
"""Of the lognormal distribution of batches' times."""
TRUE_MEAN_S = float(np.exp(LOG_MEAN + LOG_SIGMA**2 / 2))
MOST_ROUNDS = 40
"""What the time budget allows."""


@dataclass(frozen=True)
class Machine:
    """Noise, relative to a batch's time."""

    batch: float
    """Standard deviation of each batch, alone."""
    passes: float
    """Standard deviation of what a whole pass or round shares: the clock, the neighbours, the temperature."""


MACHINES = (
    Machine(batch=0.01, passes=0.003),
    Machine(batch=0.015, passes=0.004),
    Machine(batch=0.02, passes=0.004),
)


def batch_times(draw: np.random.Generator, batches: int) -> np.ndarray:
    """What each batch of a cell takes without noise, s: skewed to the right by long prompts and answers."""
    return draw.lognormal(mean=LOG_MEAN, sigma=LOG_SIGMA, size=batches)


def measured(draw: np.random.Generator, machine: Machine, truth: np.ndarray) -> np.ndarray:
    """One pass over batches that take `truth` seconds."""
    shared = 1 + machine.passes * draw.standard_normal()
    return truth * shared * (1 + machine.batch * draw.standard_normal(truth.size))


def simulated_run(draw: np.random.Generator, machine: Machine, truth: np.ndarray) -> Times:
    """A headline and its rounds of repeats, stopped as a run stops them."""
    headline = measured(draw, machine, truth)
    chosen = np.linspace(0, truth.size - 1, SETTINGS.block_batches).astype(int)
    rounds = [headline[chosen].tolist()]
    while len(rounds) < MOST_ROUNDS and not enough_rounds(
        rounds, min_rounds=SETTINGS.min_rounds, half_width=SETTINGS.half_width
    ):
        rounds.append(measured(draw, machine, truth[chosen]).tolist())
    samples = tuple((str(number),) for number in range(truth.size))
    return Times(tuple(headline.tolist()), samples, round_noise(rounds).drift)


def verdict_of(draw: np.random.Generator, machine: Machine, batches: int, slower: float) -> Verdict | None:
    """Of a second run on the same samples against a first one, truly `slower` times as slow."""
    truth = batch_times(draw, batches)
    first, second = simulated_run(draw, machine, truth), simulated_run(draw, machine, slower * truth)
    return compare(second, first).verdict


def holds_the_true_mean(draw: np.random.Generator, batches: int) -> bool:
    """Whether the interval beside the mean of one pass without noise holds the mean of all batches there
    could be.
    """
    interval = mean_interval(batch_times(draw, batches))
    return interval is not None and interval.low <= TRUE_MEAN_S <= interval.high


def share_with(answer: object, trials: int, ask: Callable[[np.random.Generator], object]) -> float:
    """How often a question about a freshly drawn simulation has this answer; the draws are the same every
    time.
    """
    return float(np.mean([ask(np.random.default_rng(trial)) == answer for trial in range(trials)]))
