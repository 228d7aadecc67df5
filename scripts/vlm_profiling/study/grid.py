"""The grid: a study expanded to its runs, each cell once, in a fixed order."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple, overload

from vlm_profiling.study.config import Study
from vlm_profiling.study.point import Point
from vlm_profiling.study.spec import RunSpec


class Run(NamedTuple):
    """One cell of the grid: model x data set x point."""

    model: str
    dataset: str
    axes: tuple[str, ...]
    """Names of the axes that show it; "baseline" for the baseline itself."""
    spec: RunSpec

    @property
    def point(self) -> Point:
        """The point of the run."""
        return self.spec.point

    @property
    def key(self) -> str:
        """The hash of what decides the run's numbers."""
        return self.spec.key

    @property
    def name(self) -> str:
        """The record's path below results/runs, without its ending."""
        return f"{self.model}/{self.dataset}/{self.point.label}-{self.key}"


class Runs(Sequence[Run]):
    """All runs of a study, made as they are asked for; a point shared by several axes is one run.

    `environment` identifies what the runs execute in: the image digest, or the hash of the environment's
    lock. Another process is sent the study and makes its runs itself.
    """

    def __init__(self, study: Study, environment: str = "") -> None:
        self._study, self._environment = study, environment
        self._cells: dict[tuple[str, str, Point], list[str]] = {}
        for axis, model, dataset, point in _cells(study):
            if not _excluded(study, model, dataset, point):
                axes = self._cells.setdefault((model, dataset, point), [])
                if axis not in axes:
                    axes.append(axis)

    def __reduce__(self) -> tuple[type[Runs], tuple[Study, str]]:
        return Runs, (self._study, self._environment)

    def __len__(self) -> int:
        return len(self._cells)

    def __iter__(self) -> Iterator[Run]:
        return self._made(0, len(self))

    @overload
    def __getitem__(self, index: int) -> Run: ...
    @overload
    def __getitem__(self, index: slice) -> list[Run]: ...
    def __getitem__(self, index: int | slice) -> Run | list[Run]:
        if isinstance(index, int):
            place = range(len(self))[index]
            return next(self._made(place, place + 1))
        start, stop, step = index.indices(len(self))
        return (
            list(self._made(start, stop))
            if step == 1
            else [self[place] for place in range(start, stop, step)]
        )

    def _made(self, start: int, stop: int) -> Iterator[Run]:
        study = self._study
        for (model, dataset, point), axes in itertools.islice(self._cells.items(), start, stop):
            settings = study.models[model]
            spec = RunSpec(
                model=settings if point.device == "cuda" else settings.on_cpu,
                dataset=study.datasets[dataset],
                optimization=study.optimizations[point.optimization],
                point=point,
                protocol=study.protocol,
                hardware=study.hardware,
                environment=self._environment,
            )
            yield Run(model, dataset, tuple(axes), spec)


def expand_runs(study: Study, environment: str = "") -> list[Run]:
    """A study's runs, all made at once."""
    return list(Runs(study, environment))


def axis_point(study: Study, axis: str) -> Point:
    """The point that one axis varies: the baseline with the axis's own overrides."""
    return study.baseline.point.replaced(**study.axes[axis].set.changes)


def axis_start(study: Study, axis: str) -> str | int | None:
    """The value that others of an axis are compared with: the baseline's, or the axis's first where it leaves
    that out.
    """
    values, usual = study.axes[axis].values, getattr(study.baseline.point, axis)
    return usual if usual in values else values[0]


def reference_optimization(study: Study) -> str:
    """The optimization that others are compared with."""
    return (
        str(axis_start(study, "optimization"))
        if "optimization" in study.axes
        else study.baseline.point.optimization
    )


def _cells(study: Study) -> Iterator[tuple[str, str, str, Point]]:
    """(axis, model, dataset, point), model by model so that one model's runs stand together."""
    baseline = study.baseline.point
    for model in study.models:
        for dataset in _chosen(study.baseline.datasets, study.datasets):
            if model in _chosen(study.baseline.models, study.models):
                yield "baseline", model, dataset, baseline
        if study.grid == "product":
            yield from _product_cells(study, model)
        else:
            for name, axis in study.axes.items():
                if model in _chosen(axis.models, study.models):
                    start = axis_point(study, name)
                    for dataset in _chosen(axis.datasets, study.datasets):
                        for value in axis.values:
                            yield name, model, dataset, start.replaced(**{name: value})
        for cells in study.include:
            if model in _chosen(cells.models, study.models):
                for dataset in _chosen(cells.datasets, study.datasets):
                    yield "include", model, dataset, baseline.replaced(**cells.set.changes)


def _product_cells(study: Study, model: str) -> Iterator[tuple[str, str, str, Point]]:
    """Every combination of the values of the axes that choose this model and data set."""
    for dataset in study.datasets:
        axes = [
            name
            for name, axis in study.axes.items()
            if model in _chosen(axis.models, study.models)
            and dataset in _chosen(axis.datasets, study.datasets)
        ]
        if axes:
            start = study.baseline.point
            for values in itertools.product(*(study.axes[name].values for name in axes)):
                yield "product", model, dataset, start.replaced(**dict(zip(axes, values, strict=True)))


def _chosen(names: list[str] | None, everything: Iterable[str]) -> Iterable[str]:
    return everything if names is None else names


def _excluded(study: Study, model: str, dataset: str, point: Point) -> bool:
    return any(
        model in _chosen(rule.models, study.models)
        and dataset in _chosen(rule.datasets, study.datasets)
        and all(getattr(point, name) == value for name, value in rule.set.changes.items())
        for rule in study.exclude
    )
