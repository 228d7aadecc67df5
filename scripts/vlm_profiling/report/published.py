"""Figures that others published, and which models of a study they are about."""

from __future__ import annotations

import csv
from functools import cache
from importlib.resources import files
from typing import NamedTuple, cast

from vlm_profiling.report import reference
from vlm_profiling.study import Point, Study
from vlm_profiling.study.point import Device

SUSPECT = "SUSPECT: "


class Published(NamedTuple):
    """One published figure of one cell of the grid."""

    model: str
    """Hub id."""
    dataset: str
    point: Point
    metric: str
    """latency_mean (s a batch), energy_per_sample (J), flops (a batch) or wer (a share)."""
    value: float
    provenance: str
    note: str

    @property
    def suspect(self) -> str:
        """Why the figure is not what it says it is; empty where nothing is known against it."""
        return self.note.partition(SUSPECT)[2]

    @property
    def remark(self) -> str:
        """What else is to be known of it."""
        return self.note.partition(SUSPECT)[0].rstrip("; ")


class PublishedStep(NamedTuple):
    """Time of one step of answering, as published."""

    model: str
    step: str
    value: float
    unit: str
    note: str


@cache
def published_figures() -> tuple[Published, ...]:
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
        )
        for row in _rows("published_results.csv")
    )


@cache
def published_steps() -> tuple[PublishedStep, ...]:
    """Steps of other studies of the same kind of model."""
    return tuple(
        PublishedStep(row["model"], row["step"], float(row["value"]), row["unit"], row["note"])
        for row in _rows("published_steps.csv")
    )


def published_models(study: Study) -> dict[str, str]:
    """Hub id of a published model by the name that the study gives it: the same checkpoint, or its
    architecture.
    """
    by_name = {figure.model.rpartition("/")[2]: figure.model for figure in published_figures()}
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
