"""The same few batches measured again and again: how far a run's figures move with nothing changed, and the
overhead of instrumentation.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Literal

from vlm_profiling.engines.base import Unsupported
from vlm_profiling.measure.passes.headline import InputBatch, Session, run_batch
from vlm_profiling.record.breakdown import Repeats
from vlm_profiling.record.schema import Batch, timed_batches
from vlm_profiling.record.sections import Interval
from vlm_profiling.statistics.repeats import enough_rounds, paired_ratio, round_noise

InstrumentedRound = Callable[[Sequence[InputBatch]], list[float]]
"""Runs the batches instrumented and gives each batch's generate() in seconds; no instrument stays."""


class RepeatBlock:
    """A few full batches spread over the headline, whose times there are the first round.

    `instrumented_round` measures the overhead of instrumentation. Raises Unsupported for a run with fewer
    than two full batches: one alone cannot tell what the batches of a round share from its own noise.
    """

    def __init__(
        self,
        session: Session,
        batches: Sequence[InputBatch],
        headline: Sequence[Batch],
        instrumented_round: InstrumentedRound | None = None,
    ) -> None:
        full = list(timed_batches(batches))
        if len(full) < 2:
            raise Unsupported("repeats need two full batches")
        self.session, self.settings, self.instrumented_round = (
            session,
            session.protocol.repeats,
            instrumented_round,
        )
        count = min(self.settings.block_batches, len(full))
        self.chosen = [full[number * (len(full) - 1) // (count - 1)] for number in range(count)]
        self.block = [batches[number] for number in self.chosen]
        self.rounds = [[headline[number].generate_s for number in self.chosen]]
        self.instrumented_rounds: list[list[float]] = []
        self.share_s = self.settings.max_share * sum(batch.end_to_end_s for batch in headline)
        self.spent_s = 0.0

    @property
    def out_of_time(self) -> bool:
        """Whether no further round may begin: the first one always may, and what is asked in any case has
        `max_s`.
        """
        budget_s = self.settings.max_s
        if len(self.rounds) >= self.settings.min_rounds:
            budget_s = min(budget_s, self.share_s)
        return len(self.rounds) > 1 and self.spent_s >= budget_s

    def measure(self) -> None:
        """One more round as the headline ran and, where there are instruments, one with them right before or
        after it, in turns.
        """
        started = time.perf_counter()
        instrumented_first = len(self.rounds) % 2 == 0
        if self.instrumented_round and instrumented_first:
            self.instrumented_rounds.append(self.instrumented_round(self.block))
        self.rounds.append([run_batch(self.session, batch).times.generate_s for batch in self.block])
        if self.instrumented_round and not instrumented_first:
            self.instrumented_rounds.append(self.instrumented_round(self.block))
        self.spent_s += time.perf_counter() - started

    def finish(self) -> Repeats:
        """Further rounds until they suffice or the time is spent, and what all of them say."""
        while (stopped := self._enough()) is None and not self.out_of_time:
            self.measure()
        known = round_noise(self.rounds)
        return Repeats(
            batches=self.chosen,
            seconds=_rounded(self.rounds),
            instrumented_seconds=_rounded(self.instrumented_rounds),
            noise=known.noise,
            drift=known.drift,
            half_width=known.half_width,
            rounds=len(self.rounds),
            stopped=stopped or "time budget",
        )

    def _enough(self) -> Literal["half width", "noise steady"] | None:
        return enough_rounds(
            self.rounds, min_rounds=self.settings.min_rounds, half_width=self.settings.half_width
        )


def instrumentation_overhead(repeats: Repeats) -> Interval | None:
    """generate() instrumented over not, from the rounds that measured both; None for one pair or none."""
    return (
        paired_ratio(repeats.instrumented_seconds, repeats.seconds[1:])
        if repeats.instrumented_seconds
        else None
    )


def _rounded(rounds: Sequence[Sequence[float]]) -> list[list[float]]:
    """To the nanosecond."""
    return [[round(seconds, 9) for seconds in batches] for batches in rounds]
