"""The sections of config.yaml that say which points are measured: baseline, axes, include and exclude.

The settings of a point are those of `point.Point`.
"""

from __future__ import annotations

from typing import Annotated, Any, Self

from pydantic import Field, SkipValidation, create_model, model_validator

from vlm_profiling.study.point import (
    AXIS_NAMES,
    DEFAULTS,
    SETTINGS,
    TYPES,
    Point,
    Setting,
    is_number,
    may_be_null,
)
from vlm_profiling.study.values import ConfigSection, Name


def _value_type(name: str, setting: Setting) -> Any:
    """The type of a setting's values, with its limits."""
    if name == "optimization":
        return Name
    if not is_number(name):
        return TYPES[name]
    number: Any = Annotated[int, Field(ge=setting.least, le=setting.most)]
    return number | None if may_be_null(name) else number


def _point_fields() -> dict[str, Any]:
    """A field for each setting of a point, at its default."""
    return {
        name: (
            _value_type(name, setting),
            Field(
                default=DEFAULTS.get(name, ...),
                description="; absent: ".join(filter(None, (setting.description, setting.absent))),
            ),
        )
        for name, setting in SETTINGS.items()
    }


def _partial_fields() -> dict[str, Any]:
    """A field for each setting of a point, which may be left out."""
    return {
        name: (_value_type(name, setting) | None, Field(default=None, description=setting.description))
        for name, setting in SETTINGS.items()
    }


PointConfig = create_model(
    "PointConfig",
    __base__=ConfigSection,
    __doc__="One point of the grid: every setting that an axis can vary.",
    **_point_fields(),
)


class BaselineConfig(PointConfig):
    """The point that every axis starts from, and where it is measured."""

    datasets: list[Name] | None = Field(
        default=None, description="data sets measured at the baseline; all when absent"
    )
    models: list[Name] | None = Field(
        default=None, description="models measured at the baseline; all when absent"
    )

    @property
    def point(self) -> Point:
        """The point itself."""
        return Point(**{name: getattr(self, name) for name in AXIS_NAMES})


class PartialPoint(create_model("_PartialSettings", __base__=ConfigSection, **_partial_fields())):
    """Settings that differ from the baseline."""

    @model_validator(mode="after")
    def _no_null(self) -> Self:
        nulls = [name for name in self.model_fields_set if getattr(self, name) is None]
        if nulls:
            raise ValueError(f"{', '.join(sorted(nulls))}: null changes nothing here; leave the key out")
        return self

    @property
    def changes(self) -> dict[str, str | int]:
        """The values of the settings that are given."""
        return self.model_dump(exclude_none=True)


class AxisConfig(ConfigSection):
    """Values that one setting takes while the others stay at the baseline."""

    values: Annotated[list[SkipValidation[int | str | None]], Field(min_length=1)] = Field(
        description="values of the setting, first to last; null: the model's own image size, no "
        "input limit, texts as they come"
    )
    set: PartialPoint = Field(
        default=PartialPoint(), description="other settings held at another value than the baseline's"
    )
    datasets: list[Name] | None = Field(
        default=None, description="data sets this axis runs on; all when absent"
    )
    models: list[Name] | None = Field(default=None, description="models this axis runs on; all when absent")


class CellsConfig(ConfigSection):
    """Further cells to measure: these models x these data sets at one point."""

    models: list[Name] | None = Field(default=None, description="models; all when absent")
    datasets: list[Name] | None = Field(default=None, description="data sets; all when absent")
    set: PartialPoint = Field(default=PartialPoint(), description="settings that differ from the baseline")


class ExcludeConfig(ConfigSection):
    """Cells to leave out: those that match every key given."""

    models: list[Name] | None = Field(default=None, description="models; any when absent")
    datasets: list[Name] | None = Field(default=None, description="data sets; any when absent")
    set: PartialPoint = Field(default=PartialPoint(), description="values that the cell's point has")

    @model_validator(mode="after")
    def _not_everything(self) -> ExcludeConfig:
        if self.models is None and self.datasets is None and not self.set.changes:
            raise ValueError("an empty exclusion would leave nothing; give models, datasets or set")
        return self
