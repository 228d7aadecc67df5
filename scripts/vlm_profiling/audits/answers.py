"""Whether answers look like answers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from vlm_profiling.audits.base import Check, Context, Finding, conclude, graded, not_applicable
from vlm_profiling.quality.exact_match import normalise
from vlm_profiling.record.schema import Sample

NAME = "answers sane"
ASKS = "Are there empty answers, echoes of the question, endless repeats, or one text for every sample?"

SOME, MANY = 0.0, 0.1
"""Shares of faulty answers above which it warns and fails."""
ECHO = 3
"""Words from which a question in an answer is an echo: shorter ones stand in right answers too."""
LONG = 8
"""Words from which an answer can repeat itself."""
REPEATED = 1 / 3
"""Share of different words below which a long answer repeats itself."""


def judge(context: Context) -> Finding:
    """Each answer looked at alone, then all of them together. Answers of random weights mean nothing."""
    record = context.record
    if record.checkpoint and record.checkpoint.random_weights:
        return not_applicable(NAME, "the weights are random: answers mean nothing")
    return conclude(NAME, list(_checks(record.samples)))


def _checks(samples: Sequence[Sample]) -> Iterator[Check]:
    faults = {
        "empty": [not sample.answer.strip() for sample in samples],
        "an echo of the question": [_echoes(sample) for sample in samples],
        "one text again and again": [_repeats(sample.answer) for sample in samples],
    }
    for fault, found in faults.items():
        count = sum(found)
        yield Check(
            graded(count / len(samples), SOME, MANY),
            f"{count} of {len(samples)} answers {fault}",
            ("quality",),
        )
    different, expected = (
        len({sample.answer for sample in samples}),
        len({tuple(sample.references) for sample in samples}),
    )
    same = different == 1 and expected > 1
    words = f"{different} different answers to {len(samples)} samples with {expected} different references"
    yield Check("fail" if same else "pass", words, ("quality",))


def _echoes(sample: Sample) -> bool:
    """Whether the answer begins with the question, or with the prompt around it."""
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
