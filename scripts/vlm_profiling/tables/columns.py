"""Columns of the tables, derived from the record's schema: a field's column is named by its path, and so ends
with its unit.

`headline.generate.mean_s` is the column `generate_mean_s`; a field added to the schema is a column of the
next merge. Lists and mappings (versions, say) are JSON text, so that the CSV holds what the Parquet holds.
The reason why a figure of a section is null is in the section's own column: `energy_absent` is
{"cpu": "no RAPL on this host"}.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from typing import Any

import msgspec
import polars as pl
from msgspec import Struct, inspect
from msgspec.structs import astuple

from vlm_profiling.record.breakdown import Layers, Repeats, Stages
from vlm_profiling.record.schema import RunRecord
from vlm_profiling.record.sections import Distribution

WITHOUT_PREFIX = {"headline", "memory", "quality", "serving"}
"""Sections whose fields have telling names of their own."""

NOT_COLUMNS: dict[type[Struct], set[str]] = {
    RunRecord: {
        *("schema_version", "key", "model", "dataset_name", "point", "status", "spec"),
        *("batches", "samples"),
    },
    Stages: {"times", "seconds"},
    Repeats: {"batches", "seconds", "instrumented_seconds"},
    Layers: {"layers"},
}
"""Fields that are no columns: they are in the row's identity, in another table, or in the record alone."""

PAIRS = {
    "image_size": ("image_width", "image_height"),
    "vision_grid": ("vision_grid_rows", "vision_grid_columns"),
    "effective_size": ("effective_width", "effective_height"),
}
"""Pairs of integers, two columns each."""

_SCALARS = {
    inspect.IntType: pl.Int64,
    inspect.FloatType: pl.Float64,
    inspect.BoolType: pl.Boolean,
    inspect.StrType: pl.String,
}


def section_columns(sections: Sequence[Struct], kind: type[Struct], prefix: str = "") -> Iterator[pl.Series]:
    """One series for each figure in sections of one kind, nested sections included."""
    # Section by section: the values of one are adjacent in memory. Without sections no field has values.
    values_of = dict(zip(kind.__struct_fields__, zip(*map(astuple, sections), strict=True), strict=False))
    for name, field_type in _fields(kind):
        values = values_of.get(name, ())
        if isinstance(field_type, inspect.StructType):
            inner = prefix if name in WITHOUT_PREFIX else f"{prefix}{name}_"
            unit = "_s" if kind is Distribution else ""
            yield from (
                column.alias(column.name + unit) for column in optional_columns(values, field_type.cls, inner)
            )
        elif name in PAIRS:
            for position, column in enumerate(PAIRS[name]):
                yield pl.Series(prefix + column, [pair and pair[position] for pair in values], pl.Int64)
        elif isinstance(field_type, (inspect.DictType, inspect.ListType)):
            column = absent_column(kind) if name == "absent" else prefix + name
            yield pl.Series(column, [_json_text(value) for value in values], pl.String)
        elif isinstance(field_type, inspect.LiteralType):
            yield pl.Series(prefix + name, values, pl.String)
        else:
            yield pl.Series(prefix + name, values, _SCALARS[type(field_type)])


def absent_column(kind: type[Struct]) -> str:
    """The column with the reasons of a section: "energy_absent"; "run_absent" of the record itself."""
    return "run_absent" if kind is RunRecord else f"{kind.__name__.lower()}_absent"


def optional_columns(
    sections: Sequence[Struct | None], kind: type[Struct], prefix: str = ""
) -> Iterator[pl.Series]:
    """As `section_columns`, null where a section is absent."""
    present = [section for section in sections if section is not None]
    columns = section_columns(present, kind, prefix)
    if len(present) == len(sections):
        return columns
    position = itertools.count()
    rows = [None if section is None else next(position) for section in sections]
    return repeat_rows(columns, rows)


def repeat_rows(columns: Iterable[pl.Series], rows: Sequence[int | None]) -> Iterator[pl.Series]:
    """Columns made of the given rows of others; None gives a null."""
    return iter(pl.DataFrame(list(columns))[pl.Series(rows, dtype=pl.UInt32)].get_columns())


@cache
def _fields(kind: type[Struct]) -> list[tuple[str, inspect.Type]]:
    """Names and types of a section's fields, optional ones without their None."""
    described = inspect.type_info(kind)
    assert isinstance(described, inspect.StructType)
    left_out = NOT_COLUMNS.get(kind, set())
    return [
        (field.name, _without_none(field.type)) for field in described.fields if field.name not in left_out
    ]


def _without_none(field_type: inspect.Type) -> inspect.Type:
    if isinstance(field_type, inspect.UnionType):
        return next(kind for kind in field_type.types if not isinstance(kind, inspect.NoneType))
    return field_type


def _json_text(value: Any) -> str | None:
    """JSON of a mapping or list; null where there is nothing to say."""
    return _ENCODER.encode(value).decode() if value else None


_ENCODER = msgspec.json.Encoder(order="sorted")
