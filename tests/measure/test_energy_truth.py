"""The uncertainty that a record states holds the truth: simulated meters against power known at every
instant.
"""

from __future__ import annotations

import pytest
from fakes.energy_truth import KINDS, simulate
from fakes.nvml import RunWithNvml

UNCERTAIN = {"counter": 0.02, "counter, no power": 0.02, "two boards, counter": 0.03}
"""The most that kinds of meter may state, where it is little: two boards tick up to an update apart."""


def assert_truth_within_uncertainty(run_with_nvml: RunWithNvml, number: int) -> None:
    trials = simulate(run_with_nvml, number, seed=0)
    measured = [trial for trial in trials if trial.kind != "MIG"]

    assert {trial.kind for trial in trials} == set(KINDS)
    assert sum(trial.holds_truth for trial in measured) >= 0.95 * len(measured)
    for trial in measured:
        assert trial.relative_uncertainty is not None
        assert trial.relative_uncertainty < UNCERTAIN.get(trial.kind, 0.2), trial
    for trial in trials:
        if trial.kind == "MIG":
            assert trial.joules is None and trial.refused.startswith("MIG is on")


def test_truth_lies_within_the_stated_uncertainty(run_with_nvml: RunWithNvml) -> None:
    assert_truth_within_uncertainty(run_with_nvml, 40)


@pytest.mark.soak
def test_truth_lies_within_the_stated_uncertainty_of_200_courses_of_power(run_with_nvml: RunWithNvml) -> None:
    assert_truth_within_uncertainty(run_with_nvml, 200)
