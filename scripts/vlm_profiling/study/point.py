"""The point of a run: one value of every setting that an axis can vary.

A setting is declared here, as a field: its key, type and default by the field itself, its limits and how it
is asked for by its `Setting`. Sections of config.yaml, options of the command line, file names, keys, records
and columns follow. What charts and pages call it is in `axes.py`, which nothing that measures imports, so
that another word makes no run stale.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, Any, Literal, Self, TypeAlias, get_args

import msgspec
from msgspec import Struct

Device: TypeAlias = Literal["cuda", "cpu"]
POINTS = 65_536
"""Points whose texts are kept, since models and data sets share them."""


@dataclass(frozen=True, kw_only=True)
class Setting:
    """How one setting of a point is asked for, and how a value of it is written."""

    description: str
    """Of its key in config.yaml and of its option."""
    absent: str = ""
    """What leaving the key out asks for, where its default is null."""
    least: int | None = None
    most: int | None = None
    label: str = "{}"
    """A value in a file's name."""
    option: str = ""
    """Of the stand-alone command line, where it is not the key with dashes."""
    metavar: str = "N"
    """The value of that option."""
    added_later: bool = False
    """Whether studies did not always have it: its default is left out of keys and file names, so that runs
    without it keep theirs.
    """


class PointSettings(Struct, frozen=True, kw_only=True):
    """The settings of a point, in the order of file names and tables."""

    device: Annotated[Device, Setting(description="device the model runs on")] = "cuda"
    optimization: Annotated[str, Setting(description="name of an entry of `optimizations`")]
    batch_size: Annotated[int, Setting(description="samples a batch", least=1, most=4096, label="b{}")] = 1
    image_size: Annotated[
        int | None,
        Setting(
            description="pixels of the longer side asked of the image processor",
            absent="the model's own",
            least=4,
            most=8192,
            label="i{}",
            option="--img-size",
            metavar="PIXELS",
        ),
    ] = None
    max_input_len: Annotated[
        int | None,
        Setting(
            description="longest user text in tokens, cut beyond; image tokens are never cut",
            absent="no limit",
            least=1,
            most=1_000_000,
            label="t{}",
            metavar="TOKENS",
        ),
    ] = None
    prompt_len: Annotated[
        int | None,
        Setting(
            description=(
                "tokens that every user text is brought to, by saying it again or cutting it, "
                "whatever max_input_len says"
            ),
            absent="texts as they come",
            least=1,
            most=1_000_000,
            label="p{}",
            metavar="TOKENS",
            added_later=True,
        ),
    ] = None
    frames: Annotated[
        int,
        Setting(
            description="frames of a video given to the model; 1 for images", least=1, most=1024, label="f{}"
        ),
    ] = 1


class Point(PointSettings, frozen=True):
    """Where in the grid a run is: one value of every setting."""

    @property
    def values(self) -> tuple[str | int | None, ...]:
        """The value of each setting, in order."""
        return msgspec.structs.astuple(self)

    @property
    def chosen(self) -> dict[str, str | int | None]:
        """Values by setting, without the defaults of settings that studies did not always have."""
        return {
            name: value
            for name, value in zip(AXIS_NAMES, self.values, strict=True)
            if not (SETTINGS[name].added_later and value == DEFAULTS[name])
        }

    @property
    def label(self) -> str:
        """A readable name for files: cuda-fp16-b16-i224-t200-f1 (n: the model's own, no limit), or
        ...-t200-p64-f1.
        """
        return _label(self)

    def replaced(self, **changes: Any) -> Self:
        """The point with other values of some settings."""
        return msgspec.structs.replace(self, **changes)


@lru_cache(maxsize=POINTS)
def _label(point: Point) -> str:
    return "-".join(
        SETTINGS[name].label.format("n" if value is None else value) for name, value in point.chosen.items()
    )


_FIELDS = {field.name: field for field in msgspec.structs.fields(Point)}

AXIS_NAMES: tuple[str, ...] = Point.__struct_fields__
"""Names of the settings, each of which an axis can vary."""
SETTINGS: dict[str, Setting] = {name: field.type.__metadata__[0] for name, field in _FIELDS.items()}
"""How each setting is asked for."""
TYPES: dict[str, Any] = {name: field.type.__origin__ for name, field in _FIELDS.items()}
"""Type of each setting's values."""
DEFAULTS: dict[str, Any] = {name: field.default for name, field in _FIELDS.items() if not field.required}
"""Value of each setting that may be left out."""


def may_be_null(name: str) -> bool:
    """Whether null is a value of a setting."""
    return type(None) in get_args(TYPES[name])


def is_number(name: str) -> bool:
    """Whether the values of a setting are numbers."""
    return int in (TYPES[name], *get_args(TYPES[name]))
