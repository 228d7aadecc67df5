"""The settings' JSON schema and their reference page, both made from the pydantic models and from nothing
else.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping

from vlm_profiling.study.describe import (
    NAME_WORDS,
    Schema,
    allowed_values,
    choices,
    study_schema,
    value_schemas,
)

_HEAD = f"""\
# Settings of a study

Every key that `config.yaml` may hold. This page and [config.schema.json](config.schema.json) are made from
the settings' models by `make docs`; an editor that knows JSON Schema completes and checks a study when its
first line is

    # yaml-language-server: $schema=docs/config.schema.json

A key that is not listed is an error, values are not converted between types, and all problems are named at
once. The study is also the grid: every axis starts from the baseline and moves one setting; a point that axes
share is one run.
Where {NAME_WORDS.partition(":")[0]} is allowed, it is{NAME_WORDS.partition(":")[2]}.
"""
_TOP = "The top of the file"


def schema_json() -> bytes:
    """JSON Schema of config.yaml, indented."""
    return json.dumps(study_schema(), indent=2, ensure_ascii=False).encode() + b"\n"


def reference_page() -> bytes:
    """The reference of config.yaml as a Markdown page: a table of keys for each section."""
    places = _places()
    parts = [_HEAD]
    for name, (first, *others) in places.items():
        section = study_schema()["$defs"][name] if name else study_schema()
        parts.append(f"## {first}\n\n{section['description']}\n")
        if others:
            parts.append(f"The same keys stand under {' and '.join(f'`{place}`' for place in others)}.\n")
        rows = [
            f"| `{key}` | {_allowed_cell(field, places)} | {_default_cell(key, field, section)} | "
            f"{_text_cell(field)} |"
            for key, field in section["properties"].items()
        ]
        parts.append("\n".join(["| key | allowed | default | meaning |", "|---|---|---|---|", *rows]) + "\n")
    return "\n".join(parts).encode()


def _places() -> dict[str, list[str]]:
    """Where each section stands, in reading order: {"ModelConfig": ["models.NAME"]}; "" is the top of the
    file.
    """
    places: dict[str, list[str]] = {"": [_TOP]}

    def visit(section: Schema, prefix: str) -> None:
        for key, field in section["properties"].items():
            for ending, inner in _sections(field):
                place = f"{prefix}{key}{ending}"
                places.setdefault(inner, []).append(place)
                visit(study_schema()["$defs"][inner], f"{place}.")

    visit(study_schema(), "")
    return places


def _sections(field: Schema) -> Iterator[tuple[str, str]]:
    """Sections that a key's value is made of: what is added to the key to name one, and its definition."""
    for choice in choices(field):
        if "$ref" in choice:
            yield "", choice["$ref"].rpartition("/")[2]
        for inner in value_schemas(choice):
            yield from ((f".NAME{ending}", name) for ending, name in _sections(inner))
        if "items" in choice:
            yield from ((f".N{ending}", name) for ending, name in _sections(choice["items"]))


def _allowed_cell(field: Schema, places: Mapping[str, list[str]]) -> str:
    """What is allowed; for sections, a link to where their keys stand."""
    inner = next(_sections(field), None)
    if inner is None:
        return _escaped(allowed_values(field)).replace(NAME_WORDS, NAME_WORDS.partition(":")[0])
    place = places[inner[1]][0]
    kind = {"array": "a list of ", "object": "names, each with "}.get(field.get("type", ""), "")
    return f"{kind}[{place}](#{re.sub(r'[^a-z0-9_ -]', '', place.lower())})"


def _default_cell(key: str, field: Schema, section: Schema) -> str:
    if key in section.get("required", []):
        return "required"
    default = field.get("default")
    if isinstance(default, dict) and "$ref" in field:
        return "its defaults"
    if isinstance(default, dict):
        return ", ".join(f"`{name}`" for name in default)
    return (
        f"`{default if isinstance(default, str) else json.dumps(default)}`"
        if default not in (None, "")
        else "none"
    )


def _text_cell(field: Schema) -> str:
    return _escaped(field.get("description", ""))


def _escaped(text: str) -> str:
    return text.replace("|", "\\|").replace("*", "\\*")
