"""The same few batches measured again and again: how far a run's figures move with nothing changed, and what
marks cost.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Literal

from vlm_profiling.measure.passes.headline import InputBatch, Session, run_batch
from vlm_profiling.models.errors import Unsupported
from vlm_profiling.record.breakdown import Repeats
from vlm_profiling.record.schema import Batch, timed_batches
from vlm_profiling.record.sections import Interval
from vlm_profiling.statistics.repeats import enough_rounds, paired_ratio, round_noise

MarkedRound = Callable[[Sequence[InputBatch]], list[float]]
"""Runs the batches with marks set, leaves none of them, and gives each batch's generate() in seconds."""


class RepeatBlock:
    """A few full batches spread over the headline, whose times there are the first round.

    `marked_round` measures what marks cost, too. Raises Unsupported for a run with fewer than two full
    batches: one alone cannot tell what the batches of a round share from its own noise.
    """

    def __init__(
        self,
        session: Session,
        batches: Sequence[InputBatch],
        headline: Sequence[Batch],
        marked_round: MarkedRound | None = None,
    ) -> None:
        full = list(timed_batches(batches))
        if len(full) < 2:
            raise Unsupported("repeats need two full batches")
        self.session, self.settings, self.marked_round = session, session.protocol.repeats, marked_round
        count = min(self.settings.block_batches, len(full))
        self.chosen = [full[number * (len(full) - 1) // (count - 1)] for number in range(count)]
        self.block = [batches[number] for number in self.chosen]
        self.rounds = [[headline[number].generate_s for number in self.chosen]]
        self.marked_rounds: list[list[float]] = []
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
        """One more round as the headline ran and, where there are marks, one with them right before or after
        it, in turns.
        """
        started = time.perf_counter()
        marked_first = len(self.rounds) % 2 == 0
        if self.marked_round and marked_first:
            self.marked_rounds.append(self.marked_round(self.block))
        self.rounds.append([run_batch(self.session, batch).times.generate_s for batch in self.block])
        if self.marked_round and not marked_first:
            self.marked_rounds.append(self.marked_round(self.block))
        self.spent_s += time.perf_counter() - started

    def finish(self) -> Repeats:
        """Further rounds until they suffice or the time is spent, and what all of them say."""
        while (stopped := self._enough()) is None and not self.out_of_time:
            self.measure()
        known = round_noise(self.rounds)
        return Repeats(
            batches=self.chosen,
            seconds=_rounded(self.rounds),
            marked_seconds=_rounded(self.marked_rounds),
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


def marking_cost(repeats: Repeats) -> Interval | None:
    """generate() marked over unmarked, from the rounds that measured both; null where that is one or none."""
    return paired_ratio(repeats.marked_seconds, repeats.seconds[1:]) if repeats.marked_seconds else None


def _rounded(rounds: Sequence[Sequence[float]]) -> list[list[float]]:
    """To the nanosecond."""
    return [[round(seconds, 9) for seconds in batches] for batches in rounds]
