"""Other settings are recommended only where their whole interval is faster and the answers are as good."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from advising import make_alternative, make_cell, make_subject
from factories import identity_of, make_record
from rendering import tables_of

from vlm_profiling.metrics.estimate import Estimate
from vlm_profiling.record.absent import Absent
from vlm_profiling.record.breakdown import IMAGE_STAGES
from vlm_profiling.record.schema import RunRecord
from vlm_profiling.report.advice.base import Subject
from vlm_profiling.report.advice.other_settings import faster_optimization, larger_batch, smaller_input
from vlm_profiling.report.advice.subjects import AnswerChanges, compare, subjects
from vlm_profiling.study import Run

FASTER = Estimate(1.3, (1.25, 1.36), 60)
UNSURE = Estimate(1.3, (0.98, 1.6), 60)
SLOWER = Estimate(0.7, (0.65, 0.75), 60)
SAME = Estimate(-0.004, (-0.017, 0.008), 240)
WORSE = Estimate(-0.2, (-0.26, -0.14), 240)
RANDOM = Absent("not applicable: random weights")


def test_a_faster_optimization_with_the_same_answers_is_recommended_with_its_interval() -> None:
    (hint,) = faster_optimization(
        make_subject(alternatives=[make_alternative("optimization", "bf16", FASTER, SAME)])
    )
    assert (hint.gain, hint.measured) == (1.3, (1.25, 1.36))
    assert hint.try_this == "Use the optimization bf16"
    assert hint.evidence == (
        "against fp32, end to end per sample; exact match -0.4 points [-1.7, +0.8] on the same 240 samples"
    )


@pytest.mark.parametrize(
    ("speedup", "change"), [(UNSURE, SAME), (SLOWER, SAME), (FASTER, WORSE), (Estimate(1.3), SAME)], ids=str
)
def test_an_optimization_that_is_not_surely_faster_or_changes_answers_is_not(
    speedup: Estimate, change: Estimate
) -> None:
    assert not list(
        faster_optimization(
            make_subject(alternatives=[make_alternative("optimization", "int8", speedup, change)])
        )
    )


def test_random_weights_have_no_quality_and_the_hint_says_so() -> None:
    (hint,) = faster_optimization(
        make_subject(alternatives=[make_alternative("optimization", "bf16", FASTER, RANDOM)])
    )
    assert hint.evidence.endswith("quality: not applicable: random weights")


def test_energy_stands_beside_where_both_were_measured() -> None:
    joules = {"energy_cpu_per_sample_j": 2.0, "energy_cpu_relative_uncertainty": 0.02}
    other = make_alternative(
        "optimization", "bf16", FASTER, SAME, **(joules | {"energy_cpu_per_sample_j": 1.5})
    )
    (hint,) = faster_optimization(make_subject(make_cell(**joules), alternatives=[other]))
    assert hint.evidence.endswith("; energy per sample is 75 % of the baseline's")


def test_the_batch_with_most_samples_a_second_is_recommended() -> None:
    alternatives = [
        make_alternative("batch_size", 8, FASTER, SAME),
        make_alternative("batch_size", 16, Estimate(1.6, (1.5, 1.7), 15), SAME),
        make_alternative("batch_size", 1, SLOWER, SAME),
    ]
    (hint,) = larger_batch(make_subject(alternatives=alternatives))
    assert hint.try_this.startswith("Use batches of 16") and hint.gain == 1.6
    assert not list(larger_batch(make_subject(alternatives=alternatives[2:])))


def test_a_smaller_image_is_recommended_only_where_quality_was_measured_and_kept() -> None:
    smaller = make_alternative("image_size", 32, FASTER, SAME)
    blurred = make_alternative("image_size", 8, Estimate(2.0, (1.9, 2.1), 60), WORSE)
    (hint,) = smaller_input(make_subject(make_cell(image_size=64), alternatives=[blurred, smaller]))
    assert hint.try_this == "Ask for images of 32 px" and hint.evidence.startswith("against 64, ")
    assert not list(
        smaller_input(make_subject(alternatives=[make_alternative("image_size", 32, FASTER, RANDOM)]))
    )


def answers(seconds: float, scores: list[float], metric: str = "exact match") -> AnswerChanges:
    ids = [f"q{number}" for number in range(len(scores))]
    times = [seconds * (1 + 0.01 * (number % 3)) for number in range(len(ids))]
    return AnswerChanges(ids, times, [[name] for name in ids], list(scores), metric)


def test_a_comparison_is_paired_sample_by_sample() -> None:
    cell, other = make_cell(exact_match=0.75), make_cell(exact_match=0.75, image_size=32)
    right = [1.0, 1.0, 1.0, 0.0] * 60
    found = compare("image_size", cell, other, answers(0.02, right), answers(0.01, right))
    assert found is not None
    assert found.speedup.value == pytest.approx(2) and found.speedup.interval == pytest.approx((2, 2))
    assert found.quality_change == Estimate(0.0, (-3 / 240, 3 / 240), 240), (
        "no change seen still bounds it by the rule of three"
    )
    found = compare("image_size", cell, other, answers(0.02, right), answers(0.01, [0.0, *right[1:]]))
    assert found is not None and isinstance(found.quality_change, Estimate)
    assert found.quality_change.value == pytest.approx(-1 / 240)


def test_the_data_sets_own_metric_names_itself() -> None:
    cell, other = make_cell(exact_match=0.0), make_cell(exact_match=0.0, image_size=32)
    scores = [0.3, 0.9, 0.6, 1.0] * 60
    found = compare(
        "image_size", cell, other, answers(0.02, scores, "own"), answers(0.01, [0.0, *scores[1:]], "own")
    )
    assert found is not None and isinstance(found.quality_change, Estimate) and found.metric == "own"
    assert found.quality_change.value == pytest.approx(-0.3 / 240)


def test_quality_too_low_to_fall_tells_nothing() -> None:
    cell = make_cell(exact_match=0.0)
    found = compare("image_size", cell, cell, answers(0.02, [0.0] * 9), answers(0.01, [0.0] * 9))
    assert found is not None
    assert found.quality_change == Absent("exact match is 0.0 at the baseline, too low to see a change")


@pytest.mark.parametrize("kind", ["latency", "quality"])
def test_a_run_that_an_audit_failed_is_compared_with_nothing(kind: str) -> None:
    doubtful = make_cell(exact_match=0.75, flags={kind: ("answers sane: 9 of 9 are one text",)})
    for pair in ((make_cell(), doubtful), (doubtful, make_cell())):
        assert compare("image_size", *pair, answers(0.02, [1.0] * 9), answers(0.01, [1.0] * 9)) is None


def faster_bf16(run: Run) -> RunRecord:
    half = run.point.optimization == "bf16"
    return make_record(samples=48, generate_s=0.02 if half else 0.04, side=28, **identity_of(run))


def test_subjects_are_read_from_the_tables(make_study: Callable) -> None:
    optimizations = {"fp32": {"dtype": "float32"}, "bf16": {"dtype": "bfloat16"}}
    axes = {"optimization": {"values": ["fp32", "bf16"]}}
    study = make_study(
        faster_bf16,
        models={"trained": {"folder": "checkpoints/trained"}},
        optimizations=optimizations,
        axes=axes,
    )
    (subject,) = subjects(tables_of(study), "trained")
    assert isinstance(subject, Subject) and list(subject.stages) == list(IMAGE_STAGES)
    assert subject.roofline["decode"].ceiling == "measured"
    (found,) = subject.alternatives
    assert (found.axis, found.row.optimization) == ("optimization", "bf16")
    before, after = (cell.estimate("end_to_end_s") for cell in (subject.row, found.row))
    assert isinstance(before, Estimate) and isinstance(after, Estimate)
    assert found.speedup.value == pytest.approx(before.value / after.value)
    assert found.speedup.value == pytest.approx(1.83, abs=0.05)
    assert found.quality_change == Estimate(0.0, (-3 / 48, 3 / 48), 48)
