"""How far a figure would move with other samples."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import bootstrap
from simulated_runs import holds_the_true_mean, share_with

from vlm_profiling.statistics.intervals import mean_interval, ratio_interval

SCRIPTS = Path(__file__).parents[2] / "scripts"


def latencies(n: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).lognormal(mean=-1.0, sigma=0.3, size=n)


def test_interval_is_the_same_every_time_and_holds_the_mean():
    first, second = mean_interval(latencies(40)), mean_interval(latencies(40))

    assert first is not None
    assert first == second
    assert first.low < first.mean < first.high


@pytest.mark.parametrize("n", [8, 60, 400])
def test_intervals_are_those_of_scipy_to_within_the_draw(n):
    first = latencies(n)
    second = first * np.random.default_rng(1).normal(1.0, 0.02, size=n)
    draws = {"n_resamples": 9999, "rng": 7}
    known = bootstrap((first,), np.mean, method="BCa", **draws).confidence_interval
    own = mean_interval(first)
    assert own and (own.low, own.high) == pytest.approx(tuple(known), abs=0.05 * (known.high - known.low))

    def ratio(new, old, axis):
        return new.mean(axis=axis) / old.mean(axis=axis)

    known = bootstrap((second, first), ratio, paired=True, method="percentile", **draws).confidence_interval
    own = ratio_interval(second.tolist(), first.tolist())
    assert own and (own.low, own.high) == pytest.approx(tuple(known), abs=0.05 * (known.high - known.low))


def test_more_values_than_one_matrix_of_draws_holds_have_the_same_kind_of_interval():
    sample = latencies(1000)
    own = mean_interval(sample)
    assert own and own.high - own.low == pytest.approx(2 * 1.96 * sample.std() / 1000**0.5, rel=0.05)


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
    assert 0.91 <= share_with(True, 200, lambda draw: holds_the_true_mean(draw, 60)) <= 0.98


@pytest.mark.soak
@pytest.mark.parametrize("n", [60, 120, 300])
def test_of_1000_intervals_93_to_97_per_cent_hold_the_true_mean(n):
    assert 0.93 <= share_with(True, 1000, lambda draw: holds_the_true_mean(draw, n)) <= 0.97


def test_a_ratio_of_the_same_batches_is_known_better_than_either_time():
    reference = latencies(50)
    noise = np.random.default_rng(1).normal(1.0, 0.01, size=50)
    ratio = ratio_interval((1.02 * reference * noise).tolist(), reference.tolist())
    assert ratio and ratio.low < 1.02 < ratio.high and ratio.high - ratio.low < 0.01
    assert ratio.mean == pytest.approx((1.02 * reference * noise).sum() / reference.sum())
    assert ratio == ratio_interval((1.02 * reference * noise).tolist(), reference.tolist())


def test_runs_of_other_samples_are_resampled_on_their_own():
    longer, shorter = 2 * latencies(50, 1), latencies(40, 2)
    ratio = ratio_interval(longer.tolist(), shorter.tolist(), paired=False)
    assert ratio and 1.7 < ratio.low < 2 < ratio.high < 2.4
    assert ratio_interval(longer.tolist(), [0.4], paired=False) is None


def test_a_single_pair_has_no_interval_and_unequal_lengths_are_refused():
    assert ratio_interval([1.0], [2.0]) is None
    with pytest.raises(ValueError, match="length"):
        ratio_interval([1.0, 2.0], [1.0, 2.0, 3.0])


def test_no_thread_goes_on_spinning_after_an_interval_since_a_run_measures_next() -> None:
    code = """
import time
from vlm_profiling.statistics.intervals import mean_interval, ratio_interval
mean_interval(range(300))
ratio_interval(range(1, 301), range(2, 302))
before_s = time.process_time()
time.sleep(0.2)
print(time.process_time() - before_s)
"""
    environment = {**os.environ, "PYTHONPATH": str(SCRIPTS), "OPENBLAS_NUM_THREADS": "2"}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert float(done.stdout) < 0.02
