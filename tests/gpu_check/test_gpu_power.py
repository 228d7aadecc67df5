"""What a check says of a GPU's meters, against boards and readings that are known."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from fakes.nvml import RunWithNvml

from vlm_profiling.gpu_check.power import Glance, power_facts

WATCH = """
import json, sys, time
import msgspec
from vlm_profiling.gpu_check.power import power_facts, watch_power
from vlm_profiling.measure.meters.gpu import find_gpu
from vlm_profiling.measure.meters.base import MeterError

try:
    glances = watch_power(find_gpu(None), lambda: time.sleep(0.01), idle_s=0.4, load_s=0.6)
    answer = msgspec.to_builtins(power_facts(glances))
except MeterError as error:
    answer = {"lost": str(error)}
json.dump(answer, sys.stdout)
"""


def test_updates_power_and_agreement_are_those_of_the_board(run_with_nvml: RunWithNvml) -> None:
    facts = run_with_nvml(WATCH, {}, watts="250", update_ms=50)

    assert facts["counter"]["median_s"] == pytest.approx(0.05, abs=0.012)
    assert facts["idle_w"] == pytest.approx(250, rel=0.1)
    assert facts["load_w"] == pytest.approx(250, rel=0.1)
    assert facts["load_integrated_j"] == pytest.approx(facts["load_counter_j"], rel=0.1)


def test_a_meter_that_is_not_offered_has_a_reason(run_with_nvml: RunWithNvml) -> None:
    facts = run_with_nvml(WATCH, {}, watts="250", missing="energy")

    assert "counter" not in facts
    assert "not offered" in facts["absent"]["counter"]


def test_a_gpu_that_is_lost_meanwhile_is_no_figure(run_with_nvml: RunWithNvml) -> None:
    assert "lost" in run_with_nvml(WATCH, {}, watts="250", lost_s=0.3)


def test_how_long_power_takes_to_rise_and_what_the_phases_draw() -> None:
    facts = power_facts(list(step_of_power(idle_w=100, load_w=500, lag_s=0.2)))

    assert facts.idle_w == pytest.approx(100, rel=0.01)
    assert facts.load_w == pytest.approx(500, rel=0.01)
    assert facts.after_w == pytest.approx(100, rel=0.01)
    assert facts.instant_rise_s == pytest.approx(0.2, abs=0.02)
    assert facts.counter is not None
    assert facts.counter.median_s == pytest.approx(0.1, abs=0.01)
    assert (facts.usage, facts.absent["usage"][:11]) == (None, "not offered")


def test_a_watch_cut_short_says_so() -> None:
    glances = [glance for glance in step_of_power(100, 500, 0.2) if glance.phase == "before"]

    assert power_facts(glances).absent["load"] == "watched for 2.0 s only"


def step_of_power(idle_w: float, load_w: float, lag_s: float) -> Iterator[Glance]:
    """Readings each 10 ms: 2 s idle, 3 s of a load that power follows after a lag, 3 s idle; a counter
    renewed each 0.1 s.
    """
    joules = counter_j = 0.0
    for number in range(800):
        seconds = number / 100
        phase = "before" if seconds < 2 else "load" if seconds < 5 else "after"
        watts = load_w if 2 + lag_s <= seconds < 5 + lag_s else idle_w
        joules += watts / 100
        if number % 10 == 0:
            counter_j = joules
        yield Glance(phase, seconds, counter_j, watts, None, 1980.0)
