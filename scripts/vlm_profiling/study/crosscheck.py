"""What no single section of config.yaml can see: names that refer to other sections, values of an axis,
duplicates.

Everything here reads the settings as they stand in the file, so that it speaks even where another section is
wrong.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from vlm_profiling.study.errors import Problem, allowed_names, section_problems
from vlm_profiling.study.grid_config import (
    AxisConfig,
    BaselineConfig,
    CellsConfig,
    ExcludeConfig,
    PointConfig,
)
from vlm_profiling.study.inputs import STANDARD_OPTIMIZATIONS, OptimizationConfig
from vlm_profiling.study.point import AXIS_NAMES

SectionKind = TypeVar("SectionKind", bound=BaseModel)
NOT_DRAWN = {
    *("constructor", "hasOwnProperty", "isPrototypeOf", "propertyIsEnumerable"),
    *("toLocaleString", "toString", "valueOf"),
}
"""Properties of every JavaScript object: Vega looks categories up in one, and draws no chart that has one of
these.
"""
RESERVED = {"index", "published", *(f"axis-{axis}" for axis in AXIS_NAMES)}
"""Names of files and folders beside those of models, whatever their case: a model's page would replace the
study's.
"""
ENGINE_NAMES = sorted(path.parent.name for path in Path(__file__).parents[1].glob("engines/*/engine.py"))
"""The engines: the folders of vlm_profiling/engines."""

Chooser = BaselineConfig | AxisConfig | CellsConfig | ExcludeConfig


def cross_section_problems(settings: Mapping[str, Any]) -> Iterator[Problem]:
    """Every problem between sections. A section that is wrong in itself is left to its own check."""
    names = {kind: _names(settings.get(kind)) for kind in ("models", "datasets")}
    names["optimization"] = _names(settings.get("optimizations", STANDARD_OPTIMIZATIONS))
    for place, section in _choosers(settings):
        yield from _reference_problems(place, section, names)
    for name, axis in _entries(settings.get("axes")):
        yield from _axis_problems(
            name, axis, names["optimization"], product=settings.get("grid") == "product"
        )
    for name, optimization in _entries(settings.get("optimizations")):
        valid = _valid(OptimizationConfig, optimization)
        if valid and valid.engine and valid.engine not in ENGINE_NAMES:
            message = f"unknown engine; {allowed_names(ENGINE_NAMES, valid.engine)}"
            yield Problem(f"optimizations.{name}.engine", message, valid.engine)
    yield from _twin_problems(settings)


def _choosers(settings: Mapping[str, Any]) -> Iterator[tuple[str, Chooser]]:
    """The valid sections that name models, data sets and optimizations, with the key each stands at."""
    sections: list[tuple[str, type[Chooser], Any]] = [("baseline", BaselineConfig, settings.get("baseline"))]
    sections += [(f"axes.{name}", AxisConfig, axis) for name, axis in _entries(settings.get("axes"))]
    sections += [
        (f"include.{number}", CellsConfig, cells) for number, cells in _numbered(settings.get("include"))
    ]
    sections += [
        (f"exclude.{number}", ExcludeConfig, cells) for number, cells in _numbered(settings.get("exclude"))
    ]
    for place, kind, content in sections:
        section = _valid(kind, content)
        if section is not None:
            yield place, section


def _reference_problems(place: str, section: Chooser, names: Mapping[str, list[str]]) -> Iterator[Problem]:
    """Names that no section defines, named twice, or an empty list of them."""
    for kind in ("models", "datasets"):
        chosen = getattr(section, kind)
        if chosen == []:
            yield Problem(
                f"{place}.{kind}", "an empty list selects nothing; leave the key out to select all", []
            )
        for name, count in Counter(chosen or []).items():
            if name not in names[kind]:
                yield Problem(f"{place}.{kind}", f"unknown name; {allowed_names(names[kind], name)}", name)
            if count > 1:
                yield Problem(f"{place}.{kind}", "duplicate: named twice", name)
    prefix = place if isinstance(section, BaselineConfig) else f"{place}.set"
    values = section.point.chosen if isinstance(section, BaselineConfig) else section.set.changes
    optimization = values.get("optimization")
    if optimization is not None and optimization not in names["optimization"]:
        message = f"unknown name; {allowed_names(names['optimization'], optimization)}"
        yield Problem(f"{prefix}.optimization", message, optimization)


def _axis_problems(
    name: str, content: object, optimizations: list[str], *, product: bool
) -> Iterator[Problem]:
    """An axis that is no setting of a point, or values that its setting cannot take."""
    if name not in AXIS_NAMES:
        yield Problem(f"axes.{name}", f"unknown axis; {allowed_names(AXIS_NAMES, name)}", has_value=False)
        return
    axis = _valid(AxisConfig, content)
    if axis is None:
        return
    if name in axis.set.changes:
        yield Problem(
            f"axes.{name}.set.{name}", "an axis cannot hold its own setting fixed", axis.set.changes[name]
        )
    if product and axis.set.changes:
        message = (
            "a full product crosses this axis with all others, so it holds nothing fixed; "
            "set it in the baseline"
        )
        yield Problem(f"axes.{name}.set", message, has_value=False)
    for number, value in enumerate(axis.values):
        key = f"axes.{name}.values.{number}"
        wrong = section_problems(PointConfig, {"optimization": "any", name: value}, ("baseline",))
        if wrong:
            yield Problem(key, wrong[0].message, value)
        elif name == "optimization" and value not in optimizations:
            yield Problem(key, f"unknown name; {allowed_names(optimizations, value)}", value)
        elif value in axis.values[:number]:
            yield Problem(key, "duplicate: stands twice", value)


def _twin_problems(settings: Mapping[str, Any]) -> Iterator[Problem]:
    """Entries that would be measured twice under two names, or whose files would collide."""
    seen: list[tuple[str, OptimizationConfig]] = []
    for name, content in _entries(settings.get("optimizations")):
        optimization = _valid(OptimizationConfig, content)
        if optimization is None:
            continue
        twin = next((other for other, parts in seen if parts == optimization), None)
        if twin is not None:
            yield Problem(
                f"optimizations.{name}",
                f"duplicate of optimizations.{twin}: the same settings",
                has_value=False,
            )
        seen.append((name, optimization))
    for kind in ("models", "datasets", "optimizations"):
        for name in _names(settings.get(kind)):
            if name in NOT_DRAWN:
                message = (
                    "a name that charts cannot hold, a property of every JavaScript object; "
                    "allowed: any other name"
                )
                yield Problem(f"{kind}.{name}", message, has_value=False)
    for kind in ("models", "datasets"):
        folded: dict[str, str] = {}
        for name in _names(settings.get(kind)):
            if name.casefold() in RESERVED:
                message = "a name that a page or folder of the study itself has; allowed: any other name"
                yield Problem(f"{kind}.{name}", message, has_value=False)
            twin = folded.setdefault(name.casefold(), name)
            if twin != name:
                yield Problem(
                    f"{kind}.{name}",
                    f"differs from {twin!r} only in case: their files would collide",
                    has_value=False,
                )


def _names(section: object) -> list[str]:
    return [str(name) for name, _ in _entries(section)]


def _entries(section: object) -> Iterable[tuple[Any, Any]]:
    """Entries of a mapping; none of anything else, which its own check tells."""
    return section.items() if isinstance(section, Mapping) else ()


def _numbered(section: object) -> Iterable[tuple[int, Any]]:
    """Entries of a list with their numbers; none of anything else."""
    return enumerate(section) if isinstance(section, list) else ()


def _valid(kind: type[SectionKind], content: object) -> SectionKind | None:
    try:
        return kind.model_validate(content)
    except ValidationError:
        return None
