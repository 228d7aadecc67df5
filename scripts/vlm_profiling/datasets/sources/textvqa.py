"""lmms-lab/textvqa: a question about the text in an image, answered by ten people."""

from __future__ import annotations

from collections import Counter

from vlm_profiling.datasets.sources.table import Fields, KnownDataset, TableLayout


def _as_lmms_eval(row: Fields) -> tuple[object, object]:
    """As lmms-eval 0.7.3's `textvqa_doc_to_text` by default: a capital first, all else small, then how to
    answer.
    """
    question = row["question"]
    if isinstance(question, str):
        question = f"{question.capitalize()}\nAnswer the question using a single word or phrase."
    return question, _commonest_first(row)


def _as_it_is(row: Fields) -> tuple[object, object]:
    """The question alone, as the reference study."""
    return row["question"], _commonest_first(row)


def _commonest_first(row: Fields) -> object:
    """All ten answers, the commonest first: word error rate is taken against the first."""
    answers = row["answers"] or []
    votes = Counter(answers)
    return sorted(answers, key=lambda answer: -votes[answer])


KNOWN = KnownDataset(
    {
        name: TableLayout(("image",), ("question", "answers"), question, id="question_id")
        for name, question in (("lmms-eval", _as_lmms_eval), ("raw", _as_it_is))
    },
    metric="vqa_accuracy",
)
