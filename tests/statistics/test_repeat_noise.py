"""What rounds of the same batches say about noise, and when they suffice."""

from __future__ import annotations

import numpy as np
import pytest
from simulated_runs import Machine, batch_times, measured

from vlm_profiling.statistics.repeats import enough_rounds, largest_move, paired_ratio, round_noise

STEPS = [[1.0, 3.0], [1.02, 3.06], [0.98, 2.94], [1.0, 3.0]]


def rounds_of(machine: Machine, count: int, batches: int = 4, seed: int = 0) -> list[list[float]]:
    draw = np.random.default_rng(seed)
    truth = batch_times(draw, batches)
    return [measured(draw, machine, truth).tolist() for _ in range(count)]


def test_noise_that_all_batches_of_a_round_share_is_all_drift() -> None:
    known = round_noise(STEPS)
    assert known.noise == pytest.approx((2 * 0.02**2 / 3) ** 0.5)
    assert known.drift == pytest.approx(known.noise)
    assert known.half_width == pytest.approx(3.182 * known.noise / 2, rel=1e-3)
    assert largest_move(STEPS) == pytest.approx(0.04)


def test_noise_of_single_batches_is_no_drift() -> None:
    known = round_noise([[1.02, 0.98], [0.98, 1.02], [1.01, 0.99], [0.99, 1.01]])
    assert (known.noise, known.drift) == (pytest.approx(0.0, abs=1e-12), 0.0)


@pytest.mark.parametrize("machine", [Machine(batch=0.02, passes=0.01), Machine(batch=0.01, passes=0.02)])
def test_both_kinds_of_noise_are_found_in_a_mixture(machine: Machine) -> None:
    known = round_noise(rounds_of(machine, 2000))
    assert known.drift == pytest.approx(machine.passes, rel=0.1)
    assert known.noise == pytest.approx((machine.passes**2 + machine.batch**2 / 4) ** 0.5, rel=0.1)


def test_the_half_width_holds_the_true_mean_19_times_of_20() -> None:
    held = []
    for seed in range(400):
        draw = np.random.default_rng(seed)
        truth = batch_times(draw, 4)
        rounds = [measured(draw, Machine(batch=0.02, passes=0.01), truth) for _ in range(6)]
        held.append(
            abs(np.mean(rounds) / truth.mean() - 1)
            <= round_noise([list(batches) for batches in rounds]).half_width
        )
    assert 0.92 <= np.mean(held) <= 0.98


def test_rounds_suffice_when_their_mean_is_known_or_their_noise_is_steady() -> None:
    assert enough_rounds(STEPS, min_rounds=5, half_width=1.0) is None, "whatever they say, there are too few"
    assert enough_rounds(STEPS, min_rounds=4, half_width=0.03) == "half width"
    assert enough_rounds(STEPS, min_rounds=4, half_width=0.02) is None
    noisy = rounds_of(Machine(batch=0.1, passes=0.1), 100)
    stopped = next(
        count for count in range(5, 100) if enough_rounds(noisy[:count], min_rounds=5, half_width=0.01)
    )
    assert 15 <= stopped <= 40
    assert enough_rounds(noisy[:stopped], min_rounds=5, half_width=0.01) == "noise steady"


def test_what_marks_cost_is_free_of_what_changes_from_round_to_round() -> None:
    draw = np.random.default_rng(0)
    machine = 1 + 0.3 * draw.standard_normal(20)
    unmarked = [[speed * draw.normal(1, 0.01) for _ in range(4)] for speed in machine]
    marked = [[1.02 * speed * draw.normal(1, 0.01) for _ in range(4)] for speed in machine]
    cost = paired_ratio(marked, unmarked)
    assert cost and 1.01 < cost.low < 1.02 < cost.high < 1.03
    assert paired_ratio(marked[:1], unmarked[:1]) is None
