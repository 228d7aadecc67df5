"""derek-thomas/ScienceQA: multiple-choice questions from school science; about half of them have a picture."""

from __future__ import annotations

from vlm_profiling.datasets.candidates import BadSample
from vlm_profiling.datasets.sources.table import Fields, TableLayout


def _question(row: Fields) -> tuple[object, object]:
    """The question and its numbered choices, answered by a number: the reference study's prompt."""
    choices, answer = row["choices"] or [], row["answer"]
    if answer is None or not 0 <= answer < len(choices):
        raise BadSample(f"answer {answer} is none of its {len(choices)} choices")
    listed = "\n".join(f" {number}. {choice}" for number, choice in enumerate(choices))
    return f"{row['question']}\n\n{listed}", str(answer)


LAYOUT = TableLayout(("image",), ("question", "choices", "answer"), _question)
