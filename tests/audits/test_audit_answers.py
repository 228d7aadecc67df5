"""Empty answers, echoes, endless repeats, one text for all."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from auditing import context_of
from factories import make_record
from msgspec.structs import replace

from vlm_profiling.audits import answers
from vlm_profiling.record.schema import RunRecord, Sample


def answering(answer: Callable[[Sample], str], count: int = 40) -> RunRecord:
    """Forty samples, of which the first `count` are answered so."""
    record = make_record(samples=40)
    said = [replace(sample, answer=answer(sample)) for sample in record.samples[:count]]
    return replace(record, samples=said + record.samples[count:])


def test_different_words_are_answers() -> None:
    finding = answers.judge(context_of(make_record()))
    assert finding.verdict == "pass" and "0 of 8 answers are empty" in finding.evidence


@pytest.mark.parametrize(
    ("answer", "evidence"),
    [
        (lambda _: " \n", "40 of 40 answers are empty"),
        (lambda sample: sample.request + " blue", "40 of 40 answers repeat the question"),
        (lambda sample: sample.prompt + " blue", "40 of 40 answers repeat the question"),
        (
            lambda sample: f"{sample.id} the cat the cat the cat the cat the cat",
            "40 of 40 answers repeat themselves",
        ),
        (lambda _: "a red circle", "1 distinct answers to 40 samples with 4 distinct references"),
    ],
)
def test_what_is_no_answer_is_found(answer: Callable[[Sample], str], evidence: str) -> None:
    finding = answers.judge(context_of(answering(answer)))
    assert (finding.verdict, finding.figures) == ("fail", ("quality",)) and evidence in finding.evidence


@pytest.mark.parametrize(("count", "verdict"), [(0, "pass"), (4, "warn"), (5, "fail")])
def test_a_few_empty_answers_warn_and_many_fail(count: int, verdict: str) -> None:
    assert answers.judge(context_of(answering(lambda _: "", count))).verdict == verdict


def test_one_text_is_right_where_all_references_are_one() -> None:
    record = answering(lambda _: "yes")
    same = replace(record, samples=[replace(sample, references=["yes"]) for sample in record.samples])
    assert answers.judge(context_of(same)).verdict == "pass"


def test_answers_of_random_weights_are_not_judged() -> None:
    assert answers.judge(context_of(make_record(accuracy=None))).verdict == "not applicable"
