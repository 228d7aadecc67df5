"""The scaling of a latency: a known law is found, and the intervals hold it as often as they say."""

import numpy as np
import pytest

from vlm_profiling.statistics.scaling import Measurement, NoScalingError, ScalingFit, fit_scaling

SIZES = (1, 4, 8, 16, 64)


def exact(law, sizes=SIZES) -> list[Measurement]:
    return [Measurement(size, (law(size), law(size)), 0.0) for size in sizes]


def simulated(draw: np.random.Generator, law, *, batches: int, noise: float, drift: float) -> ScalingFit:
    """Runs whose batches are noisy, and each of whose processes is off by `drift`."""
    measurements = []
    for size in SIZES:
        shared = law(size) * (1 + drift * draw.standard_normal())
        measurements.append(
            Measurement(size, tuple(shared * (1 + noise * draw.standard_normal(batches))), drift)
        )
    return fit_scaling(measurements)


def test_a_power_is_found_with_its_exponent_and_coefficient():
    scaling = fit_scaling(exact(lambda size: 0.05 * size**0.42))
    assert scaling.exponent.mean == pytest.approx(0.42)
    assert np.exp(scaling.log_coefficient) == pytest.approx(0.05)
    assert scaling.off_power == pytest.approx(0, abs=1e-9)
    assert scaling.values == 5


def test_a_line_gives_the_cost_of_one_more():
    scaling = fit_scaling(exact(lambda size: 0.3 + 0.02 * size))
    assert scaling.slope.mean == pytest.approx(0.02)
    assert scaling.off_line == pytest.approx(0, abs=1e-9)
    assert scaling.off_power > 0.1, "and says how far a power is from it"


def test_a_constant_has_the_exponent_zero_inside_its_interval():
    scaling = fit_scaling(exact(lambda _: 0.2))
    assert scaling.exponent.low < 0 < scaling.exponent.high
    assert scaling.slope.low < 0 < scaling.slope.high


def test_intervals_hear_what_processes_differ_by():
    quiet = exact(lambda size: 0.05 * size)
    noisy = [Measurement(each.size, each.seconds, 0.05) for each in quiet]
    width = [
        scaling.exponent.high - scaling.exponent.low for scaling in (fit_scaling(quiet), fit_scaling(noisy))
    ]
    assert width[0] > 0, "two processes differ even where repeats do not"
    assert width[1] == pytest.approx(width[0] * 0.05 / (0.01 / 1.96 / 2**0.5), rel=0.05)


@pytest.mark.parametrize(
    ("measurements", "reason"),
    [
        (exact(lambda size: size, (1, 2)), "fewer than 3 sizes"),
        (exact(lambda size: size, (8, 8, 8, 16)), "fewer than 3 sizes"),
        (exact(lambda size: size, (590.1, 592.3, 593.0)), "too near to each other"),
        ([*exact(lambda size: size, (1, 2)), Measurement(4, (1.0,), 0.0)], "a single full batch"),
    ],
)
def test_what_cannot_be_said_has_a_reason(measurements, reason):
    with pytest.raises(NoScalingError, match=reason):
        fit_scaling(measurements)


def coverage(trials: int) -> tuple[float, float]:
    """How often the intervals of a simulated study hold the true exponent, and the true slope."""
    power = [
        simulated(
            np.random.default_rng(trial), lambda size: 0.05 * size**0.42, batches=8, noise=0.05, drift=0.01
        )
        for trial in range(trials)
    ]
    line = [
        simulated(
            np.random.default_rng(trial), lambda size: 0.3 + 0.02 * size, batches=8, noise=0.05, drift=0.01
        )
        for trial in range(trials)
    ]
    return (
        sum(fit.exponent.low <= 0.42 <= fit.exponent.high for fit in power) / trials,
        sum(fit.slope.low <= 0.02 <= fit.slope.high for fit in line) / trials,
    )


def test_the_intervals_hold_the_truth_in_most_of_a_hundred_studies():
    assert min(coverage(100)) >= 0.88


@pytest.mark.soak
def test_the_intervals_hold_the_truth_as_often_as_they_say():
    assert all(0.91 <= share <= 0.98 for share in coverage(1500))
