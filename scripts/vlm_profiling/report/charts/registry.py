"""Every kind of chart: its files, titles, captions and places on the pages. Rules import it: no Altair here.

A new chart is a file in this folder with `draw(tables, chart)`, an entry of KINDS and a name in `modules`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from types import ModuleType
from typing import TypeAlias

from vlm_profiling.report.charts.chart import Chart
from vlm_profiling.study import Study
from vlm_profiling.study.axes import AXES

Charts: TypeAlias = Sequence[Chart]
Places: TypeAlias = Callable[[Study], Iterator[Chart]]


def _across_models(
    kind: str, section: str, titles: dict[str, str], needed: Callable[[Study], bool]
) -> Places:
    """Charts with all models at the baseline."""

    def places(study: Study) -> Iterator[Chart]:
        if needed(study):
            for name, title in titles.items():
                yield Chart(kind, section, f"index/{name}", title)

    return places


def _across_models_by_axis(kind: str, section: str, title: str) -> Places:
    """A chart with all models for each axis with two values or more."""

    def places(study: Study) -> Iterator[Chart]:
        for axis in shared_axes(study):
            word = AXES[axis].word
            yield Chart(kind, section, f"index/{axis_page_name(axis)}", title.format(axis=word), axis=axis)

    return places


def _of_model(kind: str, section: str, name: str, title: str) -> Places:
    """A chart of each model at the baseline."""

    def places(study: Study) -> Iterator[Chart]:
        for model in study.models:
            yield Chart(kind, section, f"{model}/{name}", title.format(model=model), model=model)

    return places


def _of_model_by_axis(
    kind: str, suffix: str, title: str, needed: Callable[[Study, str, str], bool]
) -> Places:
    """A chart of each model for each of its axes with two values or more."""

    def places(study: Study) -> Iterator[Chart]:
        for model in study.models:
            for axis in shared_axes(study):
                if model in (study.axes[axis].models or study.models) and needed(study, model, axis):
                    words = title.format(model=model, axis=AXES[axis].word)
                    yield Chart(kind, "axis", f"{model}/{axis}{suffix}", words, model, axis)

    return places


def _always(*_: object) -> bool:
    return True


def _has_stages(study: Study, *_: str) -> bool:
    return study.protocol.stages


def _may_move_quality(study: Study, model: str, axis: str) -> bool:
    """Whether the axis changes the input of a model whose answers are scored."""
    return AXES[axis].given is not None and not study.models[model].random_weights


KINDS: tuple[Places, ...] = (
    _across_models(
        "tradeoff",
        "tradeoff",
        {
            "latency_quality": "Latency against word error rate, one point a model, with 95 % intervals",
            "energy_quality": "Energy against word error rate, one point a model, with 95 % intervals",
        },
        _always,
    ),
    _across_models(
        "memory", "tradeoff", {"memory": "Peak memory by model, with the part that is weights"}, _always
    ),
    _across_models("flops", "tradeoff", {"flops": "FLOPs per batch by model, stacked by stage"}, _always),
    _across_models(
        "stages", "stages", {"stages": "Time per batch by model, stacked by stage, and shares"}, _has_stages
    ),
    _across_models_by_axis("axis", "axis", "Latency of every model by {axis}"),
    _of_model_by_axis("values", "", "{model}: latency by {axis}, with 95 % intervals", _always),
    _of_model_by_axis(
        "quality", "_quality", "{model}: quality by {axis}, with 95 % intervals", _may_move_quality
    ),
    _of_model_by_axis(
        "stages", "_stages", "{model}: where the time goes, by {axis}, with 95 % intervals", _has_stages
    ),
    _of_model(
        "roofline",
        "roofline",
        "roofline",
        "{model}: work per second of each stage and what the device allows, over FLOP per byte",
    ),
)
"""In the order of the pages."""


def modules() -> dict[str, ModuleType]:
    """The modules that draw, by the kind of chart. Imports Altair."""
    from vlm_profiling.report.charts import (
        axis,
        flops,
        memory,
        quality,
        roofline,
        stages,
        tradeoff,
        values,
    )

    drawing = (axis, flops, memory, quality, roofline, stages, tradeoff, values)
    return {module.__name__.rpartition(".")[2]: module for module in drawing}


def study_charts(
    study: Study, section: str | None = None, *, model: str | None = None, axis: str | None = None
) -> list[Chart]:
    """The charts of a study, those of one section, model or axis where given.

    Args:
        study: the study.
        section: the section of a page.
        model: a model; "" for charts across models.
        axis: an axis; "" for charts at the baseline.
    """
    return [
        chart
        for places in KINDS
        for chart in places(study)
        if section in (None, chart.section) and model in (None, chart.model) and axis in (None, chart.axis)
    ]


def shared_axes(study: Study) -> list[str]:
    """Axes with two values or more: each has a page and a chart across models."""
    return [axis for axis, settings in study.axes.items() if len(settings.values) > 1]


def axis_page_name(axis: str) -> str:
    """The page of an axis, without its ending."""
    return f"axis-{axis}"
