"""An optimization that makes answers worse is found, chance among many comparisons is not."""

from __future__ import annotations

from collections.abc import Sequence

from auditing import context_of
from factories import make_record
from msgspec.structs import replace

from vlm_profiling.audits import quality_drift
from vlm_profiling.audits.base import Finding
from vlm_profiling.record.schema import RunRecord
from vlm_profiling.study.point import Point


def record_of(optimization: str, wrong: int, samples: int = 100, *, random: bool = False) -> RunRecord:
    """A run that answered the first `wrong` samples wrongly."""
    point = Point(device="cpu", optimization=optimization, batch_size=2)
    record = make_record(
        samples=samples, point=point, accuracy=None if random else 1.0, key=f"{optimization:0>10}"
    )
    asked = [
        replace(sample, answer="wrong", wer=None if random else 1.0, exact_match=None if random else False)
        if number < wrong
        else sample
        for number, sample in enumerate(record.samples)
    ]
    return replace(record, samples=asked)


def judged(record: RunRecord, others: Sequence[RunRecord]) -> Finding:
    return quality_drift.judge(context_of(record, others))


def test_answers_that_got_worse_are_a_warning_about_quality() -> None:
    finding = judged(record_of("int8", 30), [record_of("fp32", 5)])
    assert finding.verdict == "warn" and finding.figures == ("quality",)
    assert "25 of 100 answers differ from those of fp32" in finding.evidence
    assert "exact_match -25.00 points [-3" in finding.evidence


def test_better_answers_and_equal_ones_pass() -> None:
    assert judged(record_of("int8", 5), [record_of("fp32", 30)]).verdict == "pass"
    assert judged(record_of("int8", 5), [record_of("fp32", 5)]).verdict == "pass"


def test_what_would_be_chance_among_many_optimizations_is_no_warning() -> None:
    few = record_of("int8", 5)
    assert judged(few, [record_of("fp32", 0)]).verdict == "warn"
    others = [record_of(f"other-{number}", 0) for number in range(40)]
    assert judged(few, [record_of("fp32", 0), *others]).verdict == "pass"


def test_random_weights_pass_with_the_answers_that_changed() -> None:
    finding = judged(record_of("int8", 30, random=True), [record_of("fp32", 0, random=True)])
    assert finding.verdict == "pass"
    assert (
        finding.evidence
        == "30 of 100 answers differ from those of fp32; quality not applicable: random weights"
    )


def test_the_reference_itself_has_nothing_to_be_compared_with() -> None:
    assert judged(record_of("fp32", 0), [record_of("int8", 0)]).verdict == "not applicable"
    assert judged(record_of("int8", 0), []).verdict == "not applicable"
