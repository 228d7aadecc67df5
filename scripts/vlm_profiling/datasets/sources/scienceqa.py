"""derek-thomas/ScienceQA: multiple-choice questions from school science; about half of them have an image."""

from __future__ import annotations

import string
from collections.abc import Sequence

from vlm_profiling.datasets.candidates import BadSample
from vlm_profiling.datasets.sources.table import Fields, KnownDataset, TableLayout


def _as_lmms_eval(row: Fields) -> tuple[object, object]:
    """As lmms-eval 0.7.3's `sqa_doc_to_text` by default: hint, question, choices with letters; answered by a
    letter.
    """
    choices, answer = _choices(row)
    listed = "\n".join(
        f"{letter}. {choice}" for letter, choice in zip(string.ascii_uppercase, choices, strict=False)
    )
    hint = f"Context: {row['hint']}\n" if row["hint"] else ""
    request = (
        f"{hint}{row['question']}\n{listed}\nAnswer with the option's letter from the given choices directly."
    )
    return request, string.ascii_uppercase[answer]


def _as_it_is(row: Fields) -> tuple[object, object]:
    """The question and its numbered choices without the hint, answered by a number: the reference study's
    prompt.
    """
    choices, answer = _choices(row)
    listed = "\n".join(f" {number}. {choice}" for number, choice in enumerate(choices))
    return f"{row['question']}\n\n{listed}", str(answer)


def _choices(row: Fields) -> tuple[Sequence[str], int]:
    if not row["question"]:
        raise BadSample("there is no question")
    choices, answer = row["choices"] or [], row["answer"]
    if answer is None or not 0 <= answer < len(choices):
        raise BadSample(f"answer {answer} is none of its {len(choices)} choices")
    return choices, answer


KNOWN = KnownDataset(
    {
        "lmms-eval": TableLayout(("image",), ("question", "choices", "answer", "hint"), _as_lmms_eval),
        "raw": TableLayout(("image",), ("question", "choices", "answer"), _as_it_is),
    },
    metric="choice_accuracy",
)
