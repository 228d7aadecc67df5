"""What a key of config.yaml may hold, in words: the same ones on the reference page and in error messages.

Everything here reads the JSON schema that pydantic makes of the settings' models.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, TypeAlias

from vlm_profiling.study.config import Study
from vlm_profiling.study.values import COMMIT_PATTERN, HUB_ID_PATTERN, NAME_PATTERN

Schema: TypeAlias = Mapping[str, Any]

NAME_WORDS = "a name: a letter or digit, then letters, digits, '.', '_' and '-', at most 80"
_TEXTS = {
    NAME_PATTERN: NAME_WORDS,
    HUB_ID_PATTERN: "a hub id: NAME or OWNER/NAME",
    COMMIT_PATTERN: "a commit: 40 hexadecimal digits",
    "project-path": "a path in the project",
    "results-path": (
        "a folder below the project's, of letters, digits, '.', '_' and '-', and none of the project's own"
    ),
    "pinned-image": "a .sif file in the project, or docker://repository@sha256:digest",
}
_LIMITS = {
    "minimum": "at least",
    "exclusiveMinimum": "above",
    "maximum": "at most",
    "exclusiveMaximum": "below",
}


@cache
def study_schema() -> Schema:
    """JSON Schema of a whole study."""
    return Study.model_json_schema()


def schema_at(location: Sequence[str | int]) -> Schema:
    """Schema of the value at a place such as ("models", "llava", "hub"); empty for one that no study has."""
    schema: Schema = study_schema()
    for part in location:
        inner = [schema.get("properties", {}).get(part), schema.get("items"), *value_schemas(schema)]
        schema = next((_resolved(choice) for choice in inner if choice), {})
    return schema


def section_keys(location: Sequence[str | int]) -> list[str]:
    """Keys of the section at a place; none where no section stands."""
    return list(schema_at(location).get("properties", {}))


def choices(schema: Schema) -> list[Schema]:
    """What a value may be, null left out: a key that may be null may also be left out."""
    return [choice for choice in schema.get("anyOf", [schema]) if choice.get("type") != "null"]


def value_schemas(schema: Schema) -> list[Schema]:
    """Schemas of a mapping's values; none for what is no mapping."""
    return [
        inner
        for inner in [*schema.get("patternProperties", {}).values(), schema.get("additionalProperties")]
        if isinstance(inner, dict)
    ]


def allowed_values(schema: Schema) -> str:
    """What a value may be: 'integer, at least 1, at most 4,096', or '`cuda`, `cpu`', or 'list of a name:
    ...'.
    """
    return " or ".join(_allowed(choice) for choice in choices(schema))


def _allowed(schema: Schema) -> str:
    if "enum" in schema or "const" in schema:
        return ", ".join(str(value) for value in schema.get("enum", [schema.get("const")]))
    if "pattern" in schema or "format" in schema:
        return _TEXTS[schema.get("pattern") or schema["format"]]
    if "properties" in schema or "$ref" in schema:
        return f"a section with the keys {', '.join(_resolved(schema)['properties'])}"
    kind: str = schema.get("type", "any value")
    if kind == "array":
        return (
            f"a list{', not empty,' if schema.get('minItems') else ''} of {allowed_values(schema['items'])}"
        )
    if kind == "object":
        return "a mapping of names to sections" + (", not empty" if schema.get("minProperties") else "")
    limits = [f"{word} {schema[limit]:,}" for limit, word in _LIMITS.items() if limit in schema]
    return ", ".join([{"string": "text", "boolean": "true or false"}.get(kind, kind), *limits])


def _resolved(schema: Schema) -> Schema:
    """The schema itself, its optional null and its reference looked through."""
    schema = choices(schema)[0]
    return study_schema()["$defs"][schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema
