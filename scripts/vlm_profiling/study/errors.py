"""What is wrong in a study's settings, in the words of config.yaml, so that a person knows what to change."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from vlm_profiling.errors import VlmError
from vlm_profiling.study.describe import NAME_WORDS, allowed_values, schema_at, section_keys

Location = Sequence[str | int]

SHOWN_CHARACTERS = 100
"""Of a value or key in a message."""
MEANT = {"gpu": "cuda"}
"""Names that people use for others, which are not near them in spelling."""


@dataclass(frozen=True)
class Problem:
    """One thing wrong in the settings: the dotted key, the value found there, what is allowed instead."""

    key: str
    message: str
    value: object = None
    has_value: bool = True

    def __str__(self) -> str:
        shown = f" = {cut(repr(self.value))}" if self.has_value else ""
        return f"{cut(self.key)}{shown}\n    {self.message}"


class ConfigError(VlmError):
    """The settings cannot be used. Carries every problem found, not only the first."""

    def __init__(self, problems: Iterable[Problem], source: str = "config") -> None:
        self.problems = tuple(problems)
        self.source = source
        count = len(self.problems)
        head = f"{source}: {count} problem{'s' if count != 1 else ''}"
        super().__init__("\n".join([head, *(f"  {problem}" for problem in self.problems)]))


class UnreadableError(ConfigError):
    """A file that holds no settings: one line with file, line and what is wrong."""

    def __init__(self, path: object, what: str, line: int | None = None) -> None:
        where = f"{path}, line {line}" if line else str(path)
        super().__init__([Problem("(file)", what, has_value=False)], where)
        self.args = (f"{where}: {what}",)


def cut(text: str) -> str:
    """The text, at most 100 characters of it."""
    return text if len(text) <= SHOWN_CHARACTERS else f"{text[:SHOWN_CHARACTERS]}..."


def allowed_names(names: Iterable[str], asked: object) -> str:
    """'allowed: a, b, c', followed by the nearest valid name when one is close to `asked`."""
    known = [str(name) for name in names]
    text = f"allowed: {', '.join(known)}" if known else "nothing is allowed here"
    meant = MEANT.get(str(asked))
    nearest = [meant] if meant in known else difflib.get_close_matches(str(asked), known, n=1, cutoff=0.6)
    return f"{text}; did you mean {nearest[0]!r}?" if nearest else text


def section_problems(section: type[BaseModel], settings: object, location: Location = ()) -> list[Problem]:
    """Every problem of the settings of one section that stands at `location`; none where they are valid."""
    try:
        section.model_validate(settings)
    except ValidationError as error:
        return [_problem(details, [*location, *details["loc"]]) for details in error.errors()]
    return []


def dotted(location: Location) -> str:
    """The key that a place has in messages: models.llava.hub."""
    return ".".join(map(str, location)) or "(study)"


def _problem(details: ErrorDetails, location: Location) -> Problem:
    kind, value = details["type"], details["input"]
    if location[-1:] == ["[key]"]:
        return Problem(dotted(location[:-2]), f"not usable as a name here; allowed: {NAME_WORDS}", value)
    key = dotted(location)
    schema = schema_at(location)
    if kind == "extra_forbidden":
        return Problem(key, f"unknown key; {allowed_names(section_keys(location[:-1]), location[-1])}", value)
    if kind == "missing":
        return Problem(
            key, f"missing; allowed: {allowed_values(schema)} ({schema['description']})", has_value=False
        )
    if kind == "literal_error":
        return Problem(key, allowed_names(schema.get("enum", [schema.get("const")]), value), value)
    if kind == "value_error":
        return Problem(
            key, details["msg"].removeprefix("Value error, "), value, has_value=not isinstance(value, dict)
        )
    return Problem(key, f"allowed: {allowed_values(schema)}", value)
