"""From YAML to a validated `Study`, or to a `ConfigError` that names every problem at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from vlm_profiling.study.config import AXES, PointConfig, Study
from vlm_profiling.study.errors import ConfigError, Problem, allowed_names


def load_study(path: Path) -> Study:
    """The study in a YAML file.

    Raises ConfigError when the file is unreadable, holds a key twice, or says something that is not allowed.
    """
    return study_from_mapping(read_yaml(path), source=str(path))


def read_yaml(path: Path) -> dict[str, Any]:
    """A YAML mapping in which no key stands twice (YAML itself would silently keep the last one)."""
    try:
        loaded = yaml.load(path.read_text(encoding="utf-8"), Loader=_UniqueKeyLoader)
    except FileNotFoundError:
        raise ConfigError([Problem("(file)", "no such file", has_value=False)], str(path)) from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError([Problem("(file)", f"not readable as YAML: {error}", has_value=False)], str(path)) from None
    if not isinstance(loaded, dict):
        raise ConfigError([Problem("(file)", "must be a mapping of sections", loaded)], str(path))
    return loaded


def study_from_mapping(settings: Mapping[str, Any], source: str = "config") -> Study:
    """The study that a plain mapping describes. Raises ConfigError with every problem found."""
    try:
        study = Study.model_validate(dict(settings))
    except ValidationError as error:
        raise ConfigError([_problem(details) for details in error.errors()], source) from None
    problems = list(_cross_section_problems(study))
    if problems:
        raise ConfigError(problems, source)
    return study


class _UniqueKeyLoader(yaml.SafeLoader):
    """SafeLoader that refuses a mapping with the same key twice."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode) and key.tag != "tag:yaml.org,2002:merge"]
        twice = [key for key, count in Counter(keys).items() if count > 1]
        if twice:
            raise yaml.constructor.ConstructorError(None, None, f"duplicate key {twice[0]!r}", node.start_mark)
        return super().construct_mapping(node, deep)


def _problem(details: ErrorDetails) -> Problem:
    """A pydantic error in the words of config.yaml."""
    location = [str(part) for part in details["loc"]]
    kind, context = details["type"], details.get("ctx", {})
    if location[-1:] == ["[key]"]:
        location.pop()
    key = ".".join(location) or "(study)"
    if kind == "extra_forbidden":
        section = _section_at(location[:-1])
        return Problem(
            key, f"unknown key; {allowed_names(section.model_fields if section else (), location[-1])}", details["input"]
        )
    if kind == "missing":
        return Problem(key, f"missing; {_describe(location)}", has_value=False)
    if kind == "literal_error":
        choices = context["expected"].replace(" or ", ", ").replace("'", "").split(", ")
        return Problem(key, allowed_names(choices, details["input"]), details["input"])
    message = details["msg"].removeprefix("Value error, ").replace("Input should be", "allowed:")
    if kind == "string_pattern_mismatch":
        message = f"allowed: {_describe(location) or 'text'} matching {context['pattern']}"
    shown = not isinstance(details["input"], (dict, BaseModel))
    return Problem(key, message[0].lower() + message[1:], details["input"] if shown else None, has_value=shown)


def _section_at(location: list[str]) -> type[BaseModel] | None:
    """The pydantic model of the section that a dotted location points into."""
    current: Any = Study
    for part in location:
        if isinstance(current, type) and issubclass(current, BaseModel):
            field = current.model_fields.get(part)
            current = field.annotation if field else None
        elif getattr(current, "__args__", None):  # dict[Name, Section], list[Section], Section | None
            current = next(
                (arg for arg in reversed(current.__args__) if isinstance(arg, type) and issubclass(arg, BaseModel)), None
            )
    if not isinstance(current, type) and getattr(current, "__args__", None):
        current = next((arg for arg in current.__args__ if isinstance(arg, type) and issubclass(arg, BaseModel)), None)
    return current if isinstance(current, type) and issubclass(current, BaseModel) else None


def _describe(location: list[str]) -> str:
    section = _section_at(location[:-1])
    field = section.model_fields.get(location[-1]) if section else None
    return (field.description or "") if field else ""


def _cross_section_problems(study: Study) -> Iterator[Problem]:
    """What no single section can see: names that refer to other sections, values of the wrong axis, duplicates."""
    yield from _unknown_references(study)
    for name, axis in study.axes.items():
        if name not in AXES:
            yield Problem(f"axes.{name}", f"unknown axis; {allowed_names(AXES, name)}", has_value=False)
            continue
        yield from _axis_value_problems(study, name, axis.values)
        if getattr(axis.set, name) is not None:
            yield Problem(f"axes.{name}.set.{name}", "an axis cannot hold its own setting fixed", getattr(axis.set, name))
    sets: dict[tuple[object, ...], str] = {}
    for name, optimization in study.optimizations.items():
        parts = tuple(optimization.model_dump().values())
        if parts in sets:
            yield Problem(
                f"optimizations.{name}", f"duplicate of optimizations.{sets[parts]}: the same settings", has_value=False
            )
        sets.setdefault(parts, name)
    for section, names in (("models", study.models), ("datasets", study.datasets)):
        folded: dict[str, str] = {}
        for name in names:
            if folded.setdefault(name.casefold(), name) != name:
                yield Problem(
                    f"{section}.{name}",
                    f"differs from {folded[name.casefold()]!r} only in case: their files would collide",
                    has_value=False,
                )


def _unknown_references(study: Study) -> Iterator[Problem]:
    known = {"models": study.models, "datasets": study.datasets, "optimization": study.optimizations}
    places: list[tuple[str, Any]] = [("baseline", study.baseline)]
    places += [(f"axes.{name}", axis) for name, axis in study.axes.items()]
    places += [(f"include.{number}", cells) for number, cells in enumerate(study.include)]
    places += [(f"exclude.{number}", cells) for number, cells in enumerate(study.exclude)]
    for place, section in places:
        for kind in ("models", "datasets"):
            names = getattr(section, kind) or []
            if getattr(section, kind) == []:
                yield Problem(f"{place}.{kind}", "an empty list selects nothing; leave the key out to select all", [])
            for name in names:
                if name not in known[kind]:
                    yield Problem(f"{place}.{kind}", f"unknown name; {allowed_names(known[kind], name)}", name)
            for name, count in Counter(names).items():
                if count > 1:
                    yield Problem(f"{place}.{kind}", "duplicate: named twice", name)
        point, prefix = (section, place) if place == "baseline" else (section.set, f"{place}.set")
        if point.optimization is not None and point.optimization not in known["optimization"]:
            yield Problem(
                f"{prefix}.optimization",
                f"unknown name; {allowed_names(known['optimization'], point.optimization)}",
                point.optimization,
            )


def _axis_value_problems(study: Study, axis: str, values: list[int | str | None]) -> Iterator[Problem]:
    for number, value in enumerate(values):
        key = f"axes.{axis}.values.{number}"
        try:
            PointConfig.model_validate({"optimization": "any", axis: value} if axis != "optimization" else {axis: value})
        except ValidationError as error:
            problem = _problem(error.errors()[0])
            yield Problem(key, problem.message, value)
            continue
        if axis == "optimization" and value not in study.optimizations:
            yield Problem(key, f"unknown name; {allowed_names(study.optimizations, value)}", value)
    for value, count in Counter(values).items():
        if count > 1:
            yield Problem(f"axes.{axis}.values", "duplicate: stands twice", value)
