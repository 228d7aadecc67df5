"""From YAML to a validated `Study`, or to a `ConfigError` that names every problem at once."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from vlm_profiling.study.config import Study
from vlm_profiling.study.crosscheck import cross_section_problems
from vlm_profiling.study.errors import ConfigError, Problem
from vlm_profiling.study.problems import section_problems


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
        raise ConfigError(
            [Problem("(file)", f"not readable as YAML: {error}", has_value=False)], str(path)
        ) from None
    if not isinstance(loaded, dict):
        raise ConfigError([Problem("(file)", "must be a mapping of sections", loaded)], str(path))
    return loaded


def study_from_mapping(settings: Mapping[str, Any], source: str = "config") -> Study:
    """The study of a plain mapping, on top of the file that it extends. Raises ConfigError with every problem
    found.
    """
    settings, files = _whole(settings, source)
    source = ", which extends ".join([source, *files])
    problems = [*section_problems(Study, dict(settings)), *cross_section_problems(settings)]
    if problems:
        raise ConfigError(problems, source)
    return Study.model_validate(dict(settings))


def _whole(
    settings: Mapping[str, Any], source: str, files: tuple[str, ...] = ()
) -> tuple[Mapping[str, Any], tuple[str, ...]]:
    """Settings on top of the file that they extend, and so on down, and the names of all these files after
    `files`.
    """
    path = settings.get("extends")
    if path is None:
        return settings, files
    wrong = [problem for problem in section_problems(Study, dict(settings)) if problem.key == "extends"]
    if wrong or path in files:
        raise ConfigError(wrong or [Problem("extends", "a file that extends itself", path)], source)
    below, files = _whole(read_yaml(Path(path)), path, (*files, path))
    return _merged(below, {key: value for key, value in settings.items() if key != "extends"}), files


def _merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Keys of both; where both hold sections these are merged, else the upper one stands, and its null takes
    the key away.
    """
    merged = {**below, **above}
    for key, value in above.items():
        if isinstance(value, Mapping) and isinstance(below.get(key), Mapping):
            merged[key] = _merged(below[key], value)
        elif value is None and key in below:
            del merged[key]
    return merged


class _UniqueKeyLoader(yaml.SafeLoader):
    """SafeLoader that refuses a mapping with the same key twice."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.tag != "tag:yaml.org,2002:merge":
                if key.value in seen:
                    raise yaml.constructor.ConstructorError(
                        None, None, f"duplicate key {key.value!r}", key.start_mark
                    )
                seen.add(key.value)
        return super().construct_mapping(node, deep)
