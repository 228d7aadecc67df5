"""What each column of each table means, from the docstrings of the record's schema, of which the tables are
made.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator, Mapping
from functools import cache
from typing import NamedTuple

from msgspec import Struct
from msgspec.inspect import DictType, ListType, NoneType, StructType, Type, UnionType, type_info

from vlm_profiling.cost.roofline.roofline import StageRoofline
from vlm_profiling.quality.drift import Drift
from vlm_profiling.record.breakdown import LayerTime, StageTime
from vlm_profiling.record.schema import Batch, RunRecord, Sample
from vlm_profiling.record.sections import Distribution, Interval
from vlm_profiling.record.telemetry import ClockStats, MemoryStats, PowerStats, ShareStats, TemperatureStats
from vlm_profiling.tables.column_texts import (
    AUDIT,
    COMPARED,
    IDENTITY,
    INTERVAL,
    RUN_STATUS,
    STAGE,
    STATISTICS,
    SUBJECTS,
    TEXTS,
)
from vlm_profiling.tables.columns import NOT_COLUMNS, PAIRS, WITHOUT_PREFIX, absent_column
from vlm_profiling.tables.token_counts import RunWork

STATISTICAL = (Distribution, Interval, ClockStats, TemperatureStats, PowerStats, ShareStats, MemoryStats)
"""Sections whose fields are statistics of one quantity."""


class Column(NamedTuple):
    """A column of a table."""

    name: str
    definition: str
    """One or two sentences; empty where the schema says nothing."""
    section: str = ""
    """What the part of the record is that it belongs to; empty for the row's own."""


def table_columns() -> dict[str, list[Column]]:
    """The columns of every table, in their order."""
    own = {
        "runs": [*_given(RUN_STATUS), *_columns("runs", RunWork), *_columns("runs", RunRecord)],
        "samples": [*_columns("samples", Sample), *_columns("samples", Batch, "batch_")],
        "stages": [*_given(STAGE), *_columns("stages", StageTime)],
        "layers": list(_columns("layers", LayerTime)),
        "roofline": list(_columns("roofline", StageRoofline)),
        "audits": _given(AUDIT),
        "drift": [*_given(COMPARED), *_columns("drift", Drift)],
    }
    return {table: [*_given(IDENTITY), *columns] for table, columns in own.items()}


def _given(texts: Mapping[str, str]) -> list[Column]:
    return [Column(*item) for item in texts.items()]


def _columns(
    table: str, kind: type[Struct], prefix: str = "", section: str = "", subject: str = ""
) -> Iterator[Column]:
    """The columns of a section as `columns.section_columns` names them.

    Args:
        table: name of the table.
        kind: class of the section.
        prefix: beginning of the columns' names.
        section: what the section is.
        subject: what the section's statistics are of; empty for other sections.
    """
    for name, field_type in _fields(kind):
        if isinstance(field_type, StructType):
            inner = prefix if name in WITHOUT_PREFIX else f"{prefix}{name}_"
            statistics = issubclass(field_type.cls, STATISTICAL)
            about = (subject or SUBJECTS.get(_stem(inner), _stem(inner))) if statistics else ""
            within = section if statistics else _about(kind, name, field_type.cls)
            unit = "_s" if kind is Distribution else ""
            for column in _columns(table, field_type.cls, inner, within, about):
                yield column._replace(name=column.name + unit)
        else:
            for column in PAIRS.get(name, (name,)):
                full = prefix + column if name != "absent" else _absent_name(table, kind)
                yield Column(full, _definition(table, full, kind, name, field_type, subject), section)


def _definition(
    table: str, column: str, kind: type[Struct], name: str, field_type: Type, subject: str
) -> str:
    """What a column is; empty where nothing says it."""
    given = TEXTS.get(f"{table}.{column}") or TEXTS.get(column)
    if given:
        return given
    if subject:
        templates = INTERVAL if kind is Interval else STATISTICS
        return templates[name.partition("_")[0]].format(subject)
    if name == "absent" and kind is not RunRecord:
        return "Why figures of this section are null, by field. As JSON."
    text = field_docstrings(kind).get(name, "")
    return f"{text} As JSON." if text and isinstance(field_type, (DictType, ListType)) else text


def _stem(prefix: str) -> str:
    """The name that the columns of a distribution or interval share, without what kind of section it is."""
    return prefix.removesuffix("_").removesuffix("_sampling").removesuffix("_interval")


def _about(kind: type[Struct], name: str, inner: type[Struct]) -> str:
    """What a part of the record is: as its field says, else as its class does."""
    own = field_docstrings(kind).get(name, "")
    return own if own and not own.startswith("Null") else " ".join((inspect.getdoc(inner) or "").split())


def _absent_name(table: str, kind: type[Struct]) -> str:
    return "absent" if table == "roofline" else absent_column(kind)


def _fields(kind: type[Struct]) -> Iterator[tuple[str, Type]]:
    described = type_info(kind)
    assert isinstance(described, StructType)
    for field in described.fields:
        if field.name not in NOT_COLUMNS.get(kind, set()):
            present = field.type
            if isinstance(present, UnionType):
                present = next(inner for inner in present.types if not isinstance(inner, NoneType))
            yield field.name, present


@cache
def field_docstrings(kind: type[Struct]) -> dict[str, str]:
    """The string below each field of a class, its lines joined."""
    (definition,) = ast.parse(inspect.getsource(kind)).body
    assert isinstance(definition, ast.ClassDef)
    found = {}
    for field, below in zip(definition.body, definition.body[1:], strict=False):
        if (
            isinstance(field, ast.AnnAssign)
            and isinstance(field.target, ast.Name)
            and isinstance(below, ast.Expr)
        ):
            text = ast.literal_eval(below.value) if isinstance(below.value, ast.Constant) else None
            if isinstance(text, str):
                found[field.target.id] = " ".join(text.split())
    return found
