"""Among many comparisons chance stays within its bounds, and what truly changed is found."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import norm, t
from simulated_runs import MACHINES, batch_times, simulated_run

from vlm_profiling.statistics.compare import compare, noise_band
from vlm_profiling.statistics.multiple_comparisons import ComparedValue, shared_drift, verdicts_together

UNCHANGED = ComparedValue(1.0, (0.98, 1.02), None)


def slower_by(standard_errors: float) -> ComparedValue:
    """A ratio that lies so many standard errors above 1."""
    value = 1 + 0.01 * standard_errors
    return ComparedValue(value, (value - 0.0196, value + 0.0196), None)


def test_bounds_of_one_comparison_are_its_interval_and_of_many_have_a_smaller_tail():
    assert UNCHANGED.bounds(1) == (pytest.approx(0.98), pytest.approx(1.02))
    factor = norm.ppf(1 - 0.025 / 100) / norm.ppf(0.975)
    assert UNCHANGED.bounds(100) == (pytest.approx(1 - 0.02 * factor), pytest.approx(1 + 0.02 * factor))
    few = t.ppf(1 - 0.025 / 100, df=7) / norm.ppf(0.975)
    low, high = replace(UNCHANGED, n=8, band=0.01).bounds(100)
    assert (1 - low, high - 1) == (pytest.approx(((0.02 * few) ** 2 + (0.01 * factor) ** 2) ** 0.5),) * 2


def test_what_was_found_leaves_fewer_to_be_doubted():
    """2.1 standard errors are beyond chance for one comparison left, 2.3 for two (2.241), and neither among
    ten.
    """
    assert verdicts_together([slower_by(2.1), slower_by(2.3)]) == ["higher", "higher"]
    assert verdicts_together([slower_by(2.1), slower_by(2.2)]).count("higher") == 0
    assert verdicts_together([slower_by(2.3), *[UNCHANGED] * 9]) == ["ambiguous", *["same"] * 9]
    assert verdicts_together([slower_by(2.9), *[UNCHANGED] * 9]) == ["higher", *["same"] * 9]
    assert verdicts_together([]) == []


def test_a_few_disturbed_runs_are_no_rule_for_their_machine():
    assert shared_drift([0.003, 0.004, 0.005]) == pytest.approx((50e-6 / 3) ** 0.5)
    assert shared_drift([*[0.004] * 18, 1.2, 0.9]) == pytest.approx(0.004)
    assert shared_drift([0.02]) == 0.02
    assert shared_drift([]) == 0


def simulated_verdicts(study: int, cells: int, slower: float = 1.0) -> list[str]:
    """Of a study measured twice on the middle one of the machines, the second time truly `slower` in its
    first cell.
    """
    pairs = []
    for cell in range(cells):
        draw = np.random.default_rng((study, cell))
        truth = batch_times(draw, 19)
        new = (slower if cell == 0 else 1.0) * truth
        pairs.append((simulated_run(draw, MACHINES[1], new), simulated_run(draw, MACHINES[1], truth)))
    drifts = [shared_drift([times.drift for times in side]) for side in zip(*pairs, strict=True)]
    family = []
    for new, old in pairs:
        found = compare(new, old)
        band = noise_band(max(new.drift, drifts[0]), max(old.drift, drifts[1]))
        family.append(ComparedValue(found.ratio, (found.interval.low, found.interval.high), 19, band))
    return verdicts_together(family)


def test_unchanged_studies_raise_no_alarm_and_one_cell_that_is_slower_does():
    alarms = sum("higher" in simulated_verdicts(study, 30) for study in range(60))
    assert alarms <= 3, "5 % of 60"
    found = sum(simulated_verdicts(study, 30, 1.05)[0] == "higher" for study in range(20))
    assert found >= 18
