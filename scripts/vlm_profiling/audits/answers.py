"""The audit of empty, echoing and repetitive answers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from vlm_profiling.audits.base import Check, Context, Finding, conclude, graded, not_applicable
from vlm_profiling.quality.exact_match import normalise
from vlm_profiling.record.schema import Sample

NAME = "answers sane"
ASKS = "Are answers empty, do they repeat the question or themselves, or are all of them the same text?"

SOME, MANY = 0.0, 0.1
"""Shares of faulty answers above which it warns and fails."""
ECHO = 3
"""The fewest words of a question that count as an echo: right answers may contain shorter ones."""
LONG = 8
"""The fewest words of an answer that is checked for repetition."""
REPEATED = 1 / 3
"""The share of distinct words below which a long answer repeats itself."""


def judge(context: Context) -> Finding:
    """The finding about the answers, each and all together. Answers of random weights are not judged."""
    record = context.record
    if record.checkpoint and record.checkpoint.random_weights:
        return not_applicable(NAME, "random weights: the answers have no meaning")
    return conclude(NAME, list(_checks(record.samples)))


def _checks(samples: Sequence[Sample]) -> Iterator[Check]:
    faults = {
        "are empty": [not sample.answer.strip() for sample in samples],
        "repeat the question": [_echoes(sample) for sample in samples],
        "repeat themselves": [_repeats(sample.answer) for sample in samples],
    }
    for fault, found in faults.items():
        count = sum(found)
        yield Check(
            graded(count / len(samples), SOME, MANY),
            f"{count} of {len(samples)} answers {fault}",
            ("quality",),
        )
    different = len({sample.answer for sample in samples})
    expected = len({tuple(sample.references) for sample in samples})
    same = different == 1 and expected > 1
    words = f"{different} distinct answers to {len(samples)} samples with {expected} distinct references"
    yield Check("fail" if same else "pass", words, ("quality",))


def _echoes(sample: Sample) -> bool:
    """Whether the answer begins with the question or with the whole prompt."""
    if len(sample.answer.split()) < ECHO:
        return False
    answer = normalise(sample.answer)
    questions = (normalise(sample.request), normalise(sample.prompt))
    return any(len(question.split()) >= ECHO and answer.startswith(question) for question in questions)


def _repeats(answer: str) -> bool:
    if len(answer.split()) < LONG:
        return False
    words = normalise(answer).split()
    return len(set(words)) < REPEATED * len(words)
