"""Problems of a study's settings, told so that a person knows what to change."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass

from vlm_profiling.errors import VlmError


@dataclass(frozen=True)
class Problem:
    """One thing wrong in the settings: the dotted key, the value found there, what is allowed instead."""

    key: str
    message: str
    value: object = None
    has_value: bool = True

    def __str__(self) -> str:
        shown = f" = {self.value!r}" if self.has_value else ""
        return f"{self.key}{shown}\n    {self.message}"


class ConfigError(VlmError):
    """The settings cannot be used. Carries every problem found, not only the first."""

    def __init__(self, problems: Iterable[Problem], source: str = "config") -> None:
        self.problems = tuple(problems)
        self.source = source
        count = len(self.problems)
        head = f"{source}: {count} problem{'s' if count != 1 else ''}"
        super().__init__("\n".join([head, *(f"  {problem}" for problem in self.problems)]))


def allowed_names(names: Iterable[str], asked: object) -> str:
    """'allowed: a, b, c', followed by the nearest valid name when one is close to `asked`."""
    known = [str(name) for name in names]
    text = f"allowed: {', '.join(known)}" if known else "nothing is allowed here"
    nearest = difflib.get_close_matches(str(asked), known, n=1, cutoff=0.6)
    return f"{text}; did you mean {nearest[0]!r}?" if nearest else text
