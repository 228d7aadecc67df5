"""What another optimization does to answers is told sample by sample, with an interval, and not where answers
mean nothing.
"""

from __future__ import annotations

import pytest
from factories import make_record
from msgspec.structs import replace

from vlm_profiling.quality.answers import answer_drift
from vlm_profiling.quality.drift import RANDOM, Drift, beyond_chance
from vlm_profiling.quality.exact_match import exact_match
from vlm_profiling.quality.wer import word_edits
from vlm_profiling.record.absent import Absent
from vlm_profiling.record.schema import RunRecord
from vlm_profiling.statistics.intervals import mean_interval

REFERENCES = ["a red circle", "blue", "no", "a green triangle on grey"] * 25


def answering(answers: list[str], *, random: bool = False, standard: list[float] | None = None) -> RunRecord:
    """A run that gave these answers, scored as a run scores them."""
    record = make_record(samples=len(answers), accuracy=None if random else 0.5)
    samples = []
    for number, (sample, answer, known) in enumerate(zip(record.samples, answers, REFERENCES, strict=False)):
        scores = {"wer": word_edits(known, answer).rate, "exact_match": exact_match(answer, [known])}
        scores = (
            dict.fromkeys(scores) if random else scores | {"standard": standard[number] if standard else None}
        )
        samples.append(replace(sample, answer=answer, references=[known], **scores))
    return replace(record, samples=samples)


def drift_of(after: list[str], before: list[str] = REFERENCES) -> Drift:
    drift = answer_drift(answering(after), answering(before))
    assert isinstance(drift, Drift)
    return drift


def test_the_share_that_changed_and_both_metrics_are_paired() -> None:
    worse = ["a red square" if number % 20 == 0 else text for number, text in enumerate(REFERENCES)]
    drift = drift_of(worse)
    assert (drift.common, drift.changed, drift.words_in_common) == (100, 5, 2)
    assert drift.changed_share.mean == pytest.approx(0.05)
    assert drift.exact_match_change == mean_interval([-float(number % 20 == 0) for number in range(100)])
    words = sum(len(text.split()) for text in REFERENCES)
    assert drift.wer_change is not None and drift.wer_change.mean == pytest.approx(5 / words)
    assert (
        drift.wer_change.low > 0
        and beyond_chance("wer", (drift.wer_change.low, drift.wer_change.high)) == "worse"
    )


def test_equal_answers_are_no_drift_as_far_as_so_many_samples_can_tell() -> None:
    drift = drift_of(REFERENCES)
    assert (drift.changed, drift.words_in_common, drift.wer_change) == (0, None, None)
    assert drift.absent["wer_change"] == "no sample's word errors changed"
    assert (drift.changed_share.low, drift.changed_share.high) == (0, 0.03), "the rule of three"
    assert drift.exact_match_change is not None and drift.exact_match_change.high == 0.03


def test_changes_that_cancel_are_changes_without_a_drift() -> None:
    answers = ["yes" if number % 2 else text for number, text in enumerate(REFERENCES)]
    others = [text if number % 2 else "yes" for number, text in enumerate(REFERENCES)]
    drift = drift_of(answers, others)
    assert drift.changed == 100 and drift.exact_match_change is not None
    assert (
        drift.exact_match_change.mean == 0
        and drift.exact_match_change.low < 0 < drift.exact_match_change.high
    )


def test_the_data_sets_own_metric_drifts_by_its_scores() -> None:
    before, after = ([1.0] * 50 + [0.3] * 50), ([0.6] * 50 + [0.3] * 50)
    drift = answer_drift(answering(REFERENCES, standard=after), answering(REFERENCES, standard=before))
    assert isinstance(drift, Drift) and drift.standard_change is not None
    assert drift.standard_change.mean == pytest.approx(-0.2)


def test_random_weights_have_changed_answers_and_no_quality() -> None:
    drift = answer_drift(answering(["x"] * 100, random=True), answering(REFERENCES, random=True))
    assert isinstance(drift, Drift) and drift.changed == 100
    assert (drift.wer_change, drift.exact_match_change) == (None, None)
    assert set(drift.absent.values()) == {RANDOM}


def test_runs_without_a_common_sample_are_not_compared() -> None:
    other = answering(REFERENCES[:4])
    other = replace(other, samples=[replace(sample, id=f"other-{sample.id}") for sample in other.samples])
    assert answer_drift(other, answering(REFERENCES[:4])) == Absent("fewer than two samples in common")
