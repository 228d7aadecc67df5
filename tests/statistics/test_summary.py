"""Summaries of latencies."""

from __future__ import annotations

import numpy as np
import pytest

from vlm_profiling.statistics.summary import PERCENTILE_MIN_N, distribution


def latencies(n: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).lognormal(mean=-1.0, sigma=0.3, size=n)


def test_summary_of_known_values():
    summary = distribution([1.0, 2.0, 3.0, 4.0])

    assert (summary.n, summary.mean_s, summary.median_s, summary.min_s, summary.max_s) == (
        4,
        2.5,
        2.5,
        1.0,
        4.0,
    )
    assert summary.std_s == pytest.approx((5 / 3) ** 0.5)


def test_single_sample_has_no_spread_and_no_interval():
    summary = distribution([0.25])

    assert (summary.n, summary.mean_s, summary.std_s, summary.sampling) == (1, 0.25, None, None)


@pytest.mark.parametrize("percent", [90, 95, 99])
def test_percentile_is_given_from_its_least_number_of_samples(percent):
    n = PERCENTILE_MIN_N[percent]

    assert getattr(distribution(latencies(n - 1).tolist()), f"p{percent}_s") is None
    assert getattr(distribution(latencies(n).tolist()), f"p{percent}_s") == np.percentile(
        latencies(n), percent
    )


@pytest.mark.parametrize(("percent", "n"), [(90, 29), (95, 59), (99, 299)])
def test_least_number_is_where_the_maximum_exceeds_the_percentile_with_95_percent_confidence(percent, n):
    assert PERCENTILE_MIN_N[percent] == n
    assert (percent / 100) ** n <= 0.05 < (percent / 100) ** (n - 1)


def test_outliers_are_named_and_stay_in_every_figure():
    summary = distribution([1.0] * 5 + [1.2] * 5 + [50.0])

    assert summary.outliers == [10]
    assert summary.max_s == 50.0
    assert summary.mean_s == pytest.approx(61 / 11)


def test_sample_at_three_ranges_from_the_quartile_is_no_outlier():
    assert distribution([0.0, 1.0, 2.0, 3.0, 9.0]).outliers == []
    assert distribution([0.0, 1.0, 2.0, 3.0, 9.001]).outliers == [4]


@pytest.mark.parametrize("values", [[], [1.0, float("nan")], [float("inf")]])
def test_nothing_and_what_is_not_finite_is_refused(values):
    with pytest.raises(ValueError, match="at least one value"):
        distribution(values)
