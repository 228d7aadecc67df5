"""Multiple choice: whether an answer names the right option, read as lmms-eval and LLaVA read answers to
ScienceQA.

The label alone counts ("B", "b"), or a label with a period at the very beginning ("B. Saint Paul"). Nothing
else does: neither the option's text nor a sentence around the label. The reference study's raw prompts number
the options from 0; their labels are digits and are read alike.
"""

from __future__ import annotations


def names_choice(answer: str, label: str) -> bool:
    """Whether the answer names the option with this label, a letter or digit."""
    said, label = answer.strip(), label.strip().lower()
    if said.lower() == label:
        return True
    return (
        len(said) >= 2
        and said[1] == "."
        and (said[0].isupper() or said[0].isdigit())
        and said[0].lower() == label
    )
