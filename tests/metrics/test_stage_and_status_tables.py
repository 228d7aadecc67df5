"""The tables of stages and statuses name what records hold, no more and no less."""

from __future__ import annotations

from typing import get_args

from vlm_profiling.cost.roofline import stage_work
from vlm_profiling.metrics.stages import COUNTED_STAGES, STAGES
from vlm_profiling.metrics.statuses import STATES, STATUSES
from vlm_profiling.record import breakdown
from vlm_profiling.record.schema import Status
from vlm_profiling.tables.read_records import State


def test_the_stages_are_those_of_the_record_in_the_order_of_the_work() -> None:
    assert tuple(STAGES) == breakdown.STAGES
    assert [stage.order for stage in STAGES.values()] == list(range(len(STAGES)))


def test_the_counted_stages_are_those_with_a_roofline() -> None:
    assert COUNTED_STAGES == stage_work.STAGES


def test_every_status_and_state_has_a_meaning() -> None:
    assert (set(STATUSES), set(STATES)) == (set(get_args(Status)), set(get_args(State)))
