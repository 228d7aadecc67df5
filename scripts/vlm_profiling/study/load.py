"""From YAML to a validated `Study`, or to a `ConfigError` that names every problem at once."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from yaml.composer import ComposerError

from vlm_profiling.study.config import Study
from vlm_profiling.study.crosscheck import cross_section_problems
from vlm_profiling.study.errors import ConfigError, Problem, UnreadableError, cut, section_problems

MOST_VALUES = 100_000
"""Of a file, every anchor written out."""


def load_study(path: Path) -> Study:
    """The study in a YAML file.

    Raises ConfigError when the file is unreadable, holds a key twice, or says something that is not allowed.
    """
    return study_from_mapping(read_yaml(path), source=str(path))


def read_yaml(path: Path) -> dict[str, Any]:
    """A YAML mapping in which no key stands twice (YAML itself would silently keep the last one).

    Raises UnreadableError, in one line with file and line, for anything else.
    """
    text = _read_text(path)
    try:
        loaded = _load(text)
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        what = f"the character {chr(int(error.character))!r} is not allowed in YAML"
        raise UnreadableError(path, what, line) from None
    except yaml.MarkedYAMLError as error:
        what = " ".join(part for part in (error.context, error.problem) if part)
        mark = error.problem_mark or error.context_mark
        raise UnreadableError(path, f"not readable as YAML: {what}", mark and mark.line + 1) from None
    except RecursionError:
        raise UnreadableError(path, "nested too deeply for a study") from None
    if not isinstance(loaded, dict):
        raise UnreadableError(path, f"must be a mapping of sections, found {cut(repr(loaded))}")
    return loaded


def _read_text(path: Path) -> str:
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise UnreadableError(path, "no such file") from None
    except IsADirectoryError:
        raise UnreadableError(path, "a folder; allowed: a YAML file") from None
    except OSError as error:
        raise UnreadableError(path, f"cannot be read: {error.strerror}") from None
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise UnreadableError(path, "not text in UTF-8; save it in that encoding", line) from None


def _load(text: str) -> object:
    loader = _UniqueKeyLoader(text)
    try:
        node = loader.get_single_node()
        if node is None:
            return None
        if _count_values(node, {}) > MOST_VALUES:
            what = f"more than {MOST_VALUES:,} values once its anchors are written out"
            raise ComposerError(None, None, what, node.start_mark)
        return loader.construct_document(node)
    finally:
        loader.dispose()


def _count_values(node: yaml.Node, counts: dict[int, int]) -> int:
    """Values of a YAML node with every anchor written out.

    Args:
        node: the node to count.
        counts: of nodes counted before, by their identity; 0 for one that is being counted.

    Raises ComposerError for an anchor that holds itself.
    """
    if id(node) in counts:
        if counts[id(node)] == 0:
            raise ComposerError(None, None, "an anchor that holds itself", node.start_mark)
        return counts[id(node)]
    if not isinstance(node, yaml.CollectionNode):
        return 1
    counts[id(node)] = 0
    inner = itertools.chain(*node.value) if isinstance(node, yaml.MappingNode) else node.value
    counts[id(node)] = 1 + sum(_count_values(one, counts) for one in inner)
    return counts[id(node)]


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
    if not wrong and path in files:
        wrong = [Problem("extends", "a file that extends itself", path)]
    if not wrong and not Path(path).is_file():
        what = "a folder" if Path(path).is_dir() else "no such file"
        wrong = [Problem("extends", f"{what}; allowed: another study's file", path)]
    if wrong:
        raise ConfigError(wrong, source)
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
