"""Results that others published, and the models of a study that they are about."""

from __future__ import annotations

import csv
from functools import cache
from importlib.resources import files
from typing import NamedTuple, cast

from vlm_profiling.report import reference
from vlm_profiling.study import Point, Study
from vlm_profiling.study.point import Device

SUSPECT = "SUSPECT: "
"""Before the reason, in a note, why a published value is not what it is said to be."""


class Published(NamedTuple):
    """One published value of one point of the grid."""

    model: str
    """Hub id."""
    dataset: str
    point: Point
    metric: str
    """Id of the metric in the catalogue."""
    value: float
    """In the metric's base unit."""
    provenance: str
    note: str
    study: str
    """Where it was published."""


class PublishedStep(NamedTuple):
    """Time, or share of the time, of one step of answering, as published."""

    model: str
    step: str
    value: float
    unit: str
    note: str
    stages: tuple[str, ...]
    """Our stages that do the same work; empty where none can be named."""
    checkpoint: str
    """Part of the name of the checkpoint that ours are compared on."""


@cache
def published_results() -> tuple[Published, ...]:
    """The tables and raw files of the reference study, in their order."""
    return tuple(
        Published(
            row["model"],
            row["dataset"],
            _point(row),
            row["metric"],
            float(row["value"]),
            row["provenance"],
            row["note"],
            row["study"],
        )
        for row in _rows("published_results.csv")
    )


@cache
def published_steps() -> tuple[PublishedStep, ...]:
    """Steps of other studies of the same kind of model."""
    return tuple(
        PublishedStep(
            row["model"],
            row["step"],
            float(row["value"]),
            row["unit"],
            row["note"],
            tuple(filter(None, row["stages"].split(";"))),
            row["checkpoint"],
        )
        for row in _rows("published_steps.csv")
    )


def suspicion(note: str) -> str:
    """Why a published value is not what it is said to be; empty where there is no reason to doubt it."""
    return note.partition(SUSPECT)[2]


def remark(note: str) -> str:
    """The rest of the note."""
    return note.partition(SUSPECT)[0].rstrip("; ")


def published_models(study: Study) -> dict[str, str]:
    """Hub id of a published model by its name in the study: the same checkpoint, or its architecture."""
    by_name = {result.model.rpartition("/")[2]: result.model for result in published_results()}
    found = {}
    for name, model in study.models.items():
        own = model.architecture or (model.hub or "").rpartition("/")[2]
        if own in by_name:
            found[name] = by_name[own]
    return found


def _rows(name: str) -> list[dict[str, str]]:
    return list(csv.DictReader(files(reference).joinpath(name).read_text(encoding="utf-8").splitlines()))


def _point(row: dict[str, str]) -> Point:
    return Point(
        device=cast("Device", row["device"]),
        optimization=row["optimization"],
        batch_size=int(row["batch_size"]),
        image_size=int(row["image_size"]),
        max_input_len=int(row["max_input_len"]),
    )
