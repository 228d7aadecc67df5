"""Two runs on the same samples: same, lower, higher or ambiguous."""

from __future__ import annotations

from dataclasses import replace

import pytest
from simulated_runs import MACHINES, Machine, share_with, verdict_of

from vlm_profiling.record.sections import Interval
from vlm_profiling.statistics.compare import Times, Verdict, compare, noise_band, ratio_verdict, widened

SECONDS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6)
SAMPLES = tuple((f"a{number}", f"b{number}") for number in range(6))
RUN = Times(SECONDS, SAMPLES, drift=0.0)


def times_by(factor: float, drift: float | None = 0.0) -> Times:
    return Times(tuple(factor * seconds for seconds in SECONDS), SAMPLES, drift)


@pytest.mark.parametrize(
    ("factor", "verdict"),
    [(1.02, "higher"), (1.009, "same"), (1.0, "same"), (0.991, "same"), (0.98, "lower")],
)
def test_a_difference_on_every_batch_counts_from_one_per_cent_on(factor: float, verdict: Verdict) -> None:
    comparison = compare(times_by(factor), RUN)
    assert comparison.verdict == verdict
    assert comparison.ratio == pytest.approx(factor)
    assert comparison.interval and comparison.interval.low == pytest.approx(comparison.interval.high)
    assert comparison.band == 0.01


def test_three_per_cent_inside_a_noise_of_ten_are_no_effect() -> None:
    assert compare(times_by(1.03), RUN).verdict == "higher"
    noisy = compare(times_by(1.03, drift=0.1), replace(RUN, drift=0.1))
    assert noisy.band == pytest.approx(1.96 * 0.1 * 2**0.5, rel=1e-4)
    assert noisy.verdict == "ambiguous", "a difference of 5 % and more cannot be excluded"
    quiet = compare(times_by(1.015, drift=0.01), replace(RUN, drift=0.01))
    assert quiet.verdict == "same"


def test_interval_and_band_are_told_apart_and_heard_together() -> None:
    interval = Interval(mean=2.0, low=1.94, high=2.08)
    low, high = widened(interval, 0.02)
    assert (low, high) == (
        pytest.approx(2 - (0.06**2 + 0.04**2) ** 0.5),
        pytest.approx(2 + (0.08**2 + 0.04**2) ** 0.5),
    )
    assert noise_band(0.03, 0.04) == pytest.approx(1.96 * 0.05, rel=1e-4)
    assert noise_band(0.0, 0.0) == 0.01


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [
        (1.001, 1.2, "higher"),
        (0.8, 0.999, "lower"),
        (0.96, 1.04, "same"),
        (0.94, 1.01, "ambiguous"),
        (0.99, 1.06, "ambiguous"),
    ],
)
def test_the_verdict_is_where_the_bounds_lie(low: float, high: float, verdict: Verdict) -> None:
    assert ratio_verdict((low, high)) == verdict


def test_other_samples_are_not_paired_and_leave_more_doubt() -> None:
    other = replace(times_by(2), samples=SAMPLES[::-1])
    interval = compare(other, RUN).interval
    assert interval and interval.low < 1.5 and interval.high > 2.7


def test_without_repeats_or_with_one_batch_there_is_a_ratio_and_no_verdict() -> None:
    without = compare(times_by(1.5, drift=None), RUN)
    assert (without.ratio, without.band, without.verdict) == (
        pytest.approx(1.5),
        None,
        None,
    ) and without.interval
    single = compare(Times((0.3,), SAMPLES[:1], 0.0), Times((0.2,), SAMPLES[:1], 0.0))
    assert (single.ratio, single.interval, single.verdict) == (pytest.approx(1.5), None, None)


def test_two_runs_of_one_cell_are_the_same_and_a_slowdown_of_three_per_cent_is_found() -> None:
    machine = MACHINES[1]
    assert share_with("same", 40, lambda draw: verdict_of(draw, machine, 60, 1.0)) >= 0.95
    assert share_with("higher", 40, lambda draw: verdict_of(draw, machine, 60, 1.03)) >= 0.9


@pytest.mark.soak
@pytest.mark.parametrize("batches", [60, 200])
@pytest.mark.parametrize("machine", MACHINES)
def test_on_every_machine_and_for_200_trials(machine: Machine, batches: int) -> None:
    assert share_with("same", 200, lambda draw: verdict_of(draw, machine, batches, 1.0)) >= 0.95
    assert share_with("higher", 200, lambda draw: verdict_of(draw, machine, batches, 1.03)) >= 0.9
