"""Effects inside the runs' own noise, and stages that do not add up to the whole."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from auditing import context_of
from factories import make_record, make_repeats
from msgspec.structs import replace

from vlm_profiling.audits import noise_band, parts_sum
from vlm_profiling.audits.base import Finding
from vlm_profiling.record.schema import RunRecord
from vlm_profiling.record.sections import Interval
from vlm_profiling.study.point import Point

QUIET = (1.0, 1.002, 0.998, 1.001, 0.999)
NOISY = (1.0, 1.1, 0.9, 1.12, 0.92, 1.0)
SIZES = {"image_size": (64, 128)}


def run_at(
    image_size: int, factor: float = 1.0, rounds: Sequence[float] = QUIET, **settings: int
) -> RunRecord:
    """A run whose every batch took `factor` times as long, and whose repeats moved by `rounds`."""
    point = Point(
        **{"device": "cpu", "optimization": "fp32", "batch_size": 2, "image_size": image_size, **settings}
    )
    record = make_record(samples=40, point=point, generate_s=0.04 * factor, key=f"{image_size} {factor}")
    repeats = make_repeats(record.batches, rounds)
    assert repeats
    return replace(record, repeats=replace(repeats, stopped="time budget") if rounds is NOISY else repeats)


def judged(record: RunRecord, start: RunRecord) -> Finding:
    return noise_band.judge(context_of(record, [start], axes=SIZES))


def test_three_per_cent_inside_a_repeat_noise_of_ten_are_not_stated_as_faster() -> None:
    finding = judged(run_at(128, 0.97, NOISY), run_at(64, rounds=NOISY))
    assert (finding.verdict, finding.figures) == ("warn", ("latency",))
    assert "97.0% of the time per sample" in finding.evidence and finding.evidence.endswith("ambiguous")


@pytest.mark.parametrize(("factor", "word"), [(0.97, "lower"), (1.03, "higher"), (1.004, "same")])
def test_outside_of_a_small_noise_it_is_an_effect_and_within_it_none(factor: float, word: str) -> None:
    finding = judged(run_at(128, factor), run_at(64))
    assert finding.verdict == "pass" and finding.evidence.endswith(f"noise band ±1.0%: {word}")
    assert "±0.20% (5 repetitions, stopped: half width)" in finding.evidence


def test_a_run_whose_own_noise_hides_every_effect_is_found() -> None:
    shaken = (1.0, 1.3, 0.8, 1.2, 0.7)
    finding = noise_band.judge(context_of(run_at(64, rounds=shaken)))
    assert finding.verdict == "warn" and finding.evidence.startswith(
        "the mean of 4 batches varies by 25.50% between repetitions"
    )
    assert noise_band.judge(context_of(run_at(64))).verdict == "pass"


def test_other_batch_sizes_are_compared_by_sample() -> None:
    alone, eight = run_at(64, batch_size=1), run_at(64, 4.0, batch_size=8)
    finding = noise_band.judge(context_of(eight, [alone], axes={"batch_size": (1, 8)}))
    assert (
        "batch_size 8 against 1: 49.3% of the time per sample" in finding.evidence
        and finding.evidence.endswith("lower")
    )


def test_without_repeats_nothing_is_judged_and_without_them_on_the_other_side_no_effect() -> None:
    absent = replace(run_at(64), repeats=None, absent={"repeats": "repeats need two full batches"})
    finding = judged(absent, run_at(128))
    assert (finding.verdict, finding.evidence) == ("not applicable", "repeats need two full batches")
    finding = judged(run_at(128), absent)
    assert finding.verdict == "pass" and "against" not in finding.evidence


def stages_of(record: RunRecord, **changes: object) -> Finding:
    assert record.stages
    return parts_sum.judge(context_of(replace(record, stages=replace(record.stages, **changes))))


def slower_pass(record: RunRecord, factor: float) -> dict[str, list[float]]:
    assert record.stages
    return {stage: [factor * one for one in seconds] for stage, seconds in record.stages.seconds.items()}


def test_a_clean_run_passes_with_its_numbers() -> None:
    finding = stages_of(run_at(64))
    assert finding.verdict == "pass"
    assert "instrumenting the stages changes generate() by +0.40% [-0.20%, +1.00%]" in finding.evidence
    assert (
        "the sum of the stages differs from the headline's end-to-end latency by +0.00%" in finding.evidence
    )
    assert finding.evidence.endswith("uninstrumented repetitions differ by up to 0.40%")


@pytest.mark.parametrize(
    ("cost", "verdict"),
    [((1.05, 1.03, 1.07), "fail"), ((1.03, 1.01, 1.05), "warn"), ((1.015, 1.0, 1.03), "pass")],
)
def test_marks_that_cost_more_than_two_per_cent_are_found(
    cost: tuple[float, float, float], verdict: str
) -> None:
    mean, low, high = cost
    finding = stages_of(run_at(64), instrumentation_overhead=Interval(mean=mean, low=low, high=high))
    assert finding.verdict == verdict and (
        verdict == "pass" or f"changes generate() by +{mean - 1:.2%}" in finding.evidence
    )


def test_a_sum_off_the_headline_fails_where_the_same_batches_stood_still() -> None:
    record = run_at(64)
    finding = stages_of(record, seconds=slower_pass(record, 1.1))
    assert (finding.verdict, finding.figures) == ("fail", ("stages",))
    assert finding.evidence == (
        "the sum of the stages differs from the headline's end-to-end latency by +10.00%; "
        "uninstrumented repetitions differ by up to 0.40%"
    )


def test_a_machine_that_grew_slower_between_the_passes_is_seen_by_the_repeats_and_fails_nothing() -> None:
    drifted = run_at(64, rounds=(1.0, 1.1, 1.11, 1.1, 1.09))
    assert stages_of(drifted, seconds=slower_pass(drifted, 1.1)).verdict == "pass"
    unknown = replace(drifted, repeats=None)
    finding = stages_of(unknown, seconds=slower_pass(drifted, 1.1))
    assert finding.verdict == "warn" and finding.evidence.endswith("its noise is unknown")
