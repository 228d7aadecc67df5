"""The draw hangs on the seed and the samples' ids, and on nothing else."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from vlm_profiling.datasets.candidates import DatasetError
from vlm_profiling.datasets.survey import draw_samples
from vlm_profiling.record.manifests import DatasetSample

POPULATION = [
    DatasetSample(id=str(number), image="images/0.png", image_sha256="0", request="?", references=["!"])
    for number in range(100)
]


def drawn(samples=POPULATION, count=10, seed=0):
    return [sample.id for sample in draw_samples(samples, count, seed)]


def test_the_order_of_the_source_does_not_matter():
    shuffled = random.Random(1).sample(POPULATION, len(POPULATION))
    assert drawn(shuffled) == drawn()


def test_another_seed_draws_other_samples():
    assert set(drawn(seed=1)) != set(drawn(seed=0))


def test_a_smaller_draw_is_the_beginning_of_a_larger_one():
    assert drawn(count=25)[:10] == drawn(count=10)


def test_a_lost_sample_moves_no_other():
    lost = drawn()[3]
    left = [sample for sample in POPULATION if sample.id != lost]
    assert drawn(left, 9) == [name for name in drawn() if name != lost]


def test_without_a_count_all_are_drawn():
    assert sorted(drawn(count=None)) == sorted(sample.id for sample in POPULATION)


def test_over_many_seeds_every_sample_is_drawn_about_as_often():
    counts = Counter(name for seed in range(1000) for name in drawn(seed=seed))
    assert len(counts) == 100  # each about 100 times, standard deviation 9.5
    assert 60 < min(counts.values()) <= max(counts.values()) < 140


@pytest.mark.parametrize(("population", "count"), [(POPULATION, 101), ([], 1), ([], None)])
def test_too_few_samples_are_refused_with_their_number(population, count):
    with pytest.raises(DatasetError, match=f"{count or 'at least 1'} asked, {len(population)} usable"):
        draw_samples(population, count, 0)
