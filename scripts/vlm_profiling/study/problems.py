"""What pydantic finds wrong in the settings, in the words of config.yaml."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from vlm_profiling.study.describe import NAME_WORDS, allowed_values, schema_at, section_keys
from vlm_profiling.study.errors import Problem, allowed_names

Location = Sequence[str | int]


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
