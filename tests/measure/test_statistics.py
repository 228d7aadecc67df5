"""Summaries of latencies."""

from __future__ import annotations

import time

import numpy as np
import pytest

from vlm_profiling.measure.statistics import PERCENTILE_MIN_N, distribution, mean_interval, ratio_interval


def latencies(n: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).lognormal(mean=-1.0, sigma=0.3, size=n)


def test_summary_of_known_values():
    summary = distribution([1.0, 2.0, 3.0, 4.0])

    assert (summary.n, summary.mean_s, summary.median_s, summary.min_s, summary.max_s) == (4, 2.5, 2.5, 1.0, 4.0)
    assert summary.std_s == pytest.approx((5 / 3) ** 0.5)


def test_single_sample_has_no_spread_and_no_interval():
    summary = distribution([0.25])

    assert (summary.n, summary.mean_s, summary.std_s, summary.sampling) == (1, 0.25, None, None)


@pytest.mark.parametrize("percent", [90, 95, 99])
def test_percentile_is_given_from_its_least_number_of_samples(percent):
    n = PERCENTILE_MIN_N[percent]

    assert getattr(distribution(latencies(n - 1).tolist()), f"p{percent}_s") is None
    assert getattr(distribution(latencies(n).tolist()), f"p{percent}_s") == np.percentile(latencies(n), percent)


@pytest.mark.parametrize(("percent", "n"), [(90, 29), (95, 59), (99, 299)])
def test_least_number_is_where_the_maximum_exceeds_the_percentile_with_95_percent_confidence(percent, n):
    assert PERCENTILE_MIN_N[percent] == n
    assert (percent / 100) ** n <= 0.05 < (percent / 100) ** (n - 1)


def test_outliers_are_counted_and_stay_in_every_figure():
    summary = distribution([1.0] * 5 + [1.2] * 5 + [50.0])

    assert summary.outliers == 1
    assert summary.max_s == 50.0
    assert summary.mean_s == pytest.approx(61 / 11)


def test_sample_at_three_ranges_from_the_quartile_is_no_outlier():
    assert distribution([0.0, 1.0, 2.0, 3.0, 9.0]).outliers == 0
    assert distribution([0.0, 1.0, 2.0, 3.0, 9.001]).outliers == 1


def test_interval_is_the_same_every_time_and_holds_the_mean():
    first, second = mean_interval(latencies(40)), mean_interval(latencies(40))

    assert first is not None
    assert first == second
    assert first.low < first.mean < first.high


def test_equal_samples_have_an_interval_of_no_width():
    interval = mean_interval([0.5, 0.5, 0.5])

    assert interval is not None
    assert (interval.low, interval.mean, interval.high) == (0.5, 0.5, 0.5)


@pytest.mark.parametrize("values", [[1.0, 2.0], [1.0, 1.0, 2.0], [1.0] * 50 + [2.0]])
def test_few_different_values_have_an_interval_inside_their_range(values):
    interval = mean_interval(values)

    assert interval is not None
    assert min(values) <= interval.low <= interval.mean <= interval.high <= max(values)


def test_nineteen_of_twenty_intervals_hold_the_true_mean():
    true_mean = np.exp(-1.0 + 0.3**2 / 2)
    intervals = [mean_interval(latencies(60, seed)) for seed in range(200)]
    held = [interval is not None and interval.low <= true_mean <= interval.high for interval in intervals]

    assert 0.90 <= np.mean(held) <= 0.98


def test_interval_of_a_long_pass_is_quick():
    mean_interval(latencies(300))
    started = time.perf_counter()
    mean_interval(latencies(300))

    assert time.perf_counter() - started < 0.2


@pytest.mark.parametrize("values", [[], [1.0, float("nan")], [float("inf")]])
def test_nothing_and_what_is_not_finite_is_refused(values):
    with pytest.raises(ValueError, match="at least one value"):
        distribution(values)


def test_a_ratio_of_the_same_batches_is_known_better_than_either_time():
    reference = latencies(50)
    noise = np.random.default_rng(1).normal(1.0, 0.01, size=50)
    ratio = ratio_interval((1.02 * reference * noise).tolist(), reference.tolist())
    assert ratio and ratio.low < 1.02 < ratio.high and ratio.high - ratio.low < 0.01
    assert ratio.mean == pytest.approx((1.02 * reference * noise).sum() / reference.sum())
    assert ratio == ratio_interval((1.02 * reference * noise).tolist(), reference.tolist())


def test_a_single_pair_has_no_interval_and_unequal_lengths_are_refused():
    assert ratio_interval([1.0], [2.0]) is None
    with pytest.raises(ValueError, match="length"):
        ratio_interval([1.0, 2.0], [1.0, 2.0, 3.0])
