"""lmms-lab/textvqa: a question about the text in a picture, answered by ten people."""

from __future__ import annotations

from collections import Counter

from vlm_profiling.datasets.sources.table import Fields, TableLayout


def _question(row: Fields) -> tuple[object, object]:
    """All ten answers, the commonest first: word error rate is taken against the first."""
    answers = row["answers"] or []
    votes = Counter(answers)
    return row["question"], sorted(answers, key=lambda answer: -votes[answer])


LAYOUT = TableLayout(("image",), ("question", "answers"), _question, id="question_id")
