"""All charts of a study, from its tables: each as Vega-Lite JSON, SVG and PNG."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import altair as alt

from vlm_profiling.outputs import (
    CHART_ENDINGS,
    INDEX_CHARTS,
    ROOFLINE_CHART,
    axis_page_name,
    chart_files,
    model_charts,
    shared_axes,
    stage_charts,
)
from vlm_profiling.report.charts.axis import axis_chart
from vlm_profiling.report.charts.index import index_chart
from vlm_profiling.report.charts.model import model_chart
from vlm_profiling.report.charts.roofline import roofline_chart
from vlm_profiling.report.charts.stages import axis_stages_chart, index_stages_chart
from vlm_profiling.report.comparison.pairs import read_batch_times
from vlm_profiling.report.images import write_images
from vlm_profiling.study import Study
from vlm_profiling.tables.breakdown import read_stages
from vlm_profiling.tables.roofline import read_roofline
from vlm_profiling.tables.study_tables import Cells, read_cells


def draw_charts(study: Study, tables: Path, output: Path, processes: int = 1) -> int:
    """Draw every chart of `files.chart_files` from a folder of tables; returns how many there are.

    With two processes images are made in one while the next chart is put together in the other; more are of
    no use.
    """
    count = len(chart_files(study)) // len(CHART_ENDINGS)
    charts = _charts(read_cells(study, tables), tables)
    if processes < 2:
        for stem, chart in charts:
            write_chart(chart, output / stem)
        return count
    # Converting holds the interpreter's lock: in a process beside this one it goes on while the next chart is put
    # together.
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as beside:
        written = [beside.submit(write_images, specification(chart), output / stem) for stem, chart in charts]
        for image in written:
            image.result()
    return count


def _charts(cells: Cells, tables: Path) -> Iterator[tuple[str, alt.VConcatChart]]:
    """Each chart and its file, without the ending, one after the other."""
    study = cells.study
    for name in INDEX_CHARTS:
        yield f"index/{name}", index_chart(cells, name)
    for model in study.models:
        names = model_charts(study, model)
        times = (
            read_batch_times(tables, cells.on_axis(model, "optimization")) if "optimization" in names else {}
        )
        for name in names:
            yield f"{model}/{name}", model_chart(cells, model, name, times)
    if study.protocol.stages:
        yield from _stage_charts(cells, tables)
    for axis in shared_axes(study):
        on_axis = [cell for model in study.models for cell in cells.on_axis(model, axis)]
        yield f"index/{axis_page_name(axis)}", axis_chart(cells, axis, read_batch_times(tables, on_axis))
    roofline = read_roofline(tables, cells.all)
    for model in study.models:
        yield f"{model}/{ROOFLINE_CHART}", roofline_chart(cells, model, roofline)


def _stage_charts(cells: Cells, tables: Path) -> Iterator[tuple[str, alt.VConcatChart]]:
    stages = read_stages(tables, cells.all)
    yield "index/stages", index_stages_chart(cells, stages)
    for model in cells.study.models:
        for name in stage_charts(cells.study, model):
            yield f"{model}/{name}", axis_stages_chart(cells, model, name.removesuffix("_stages"), stages)


def write_chart(chart: alt.TopLevelMixin, stem: Path) -> None:
    """Write STEM.vl.json, STEM.svg and STEM.png."""
    write_images(specification(chart), stem)


def specification(chart: alt.TopLevelMixin) -> str:
    """JSON. Not checked against Vega-Lite's schema, which would take longer than all the rest: tests do that."""
    return chart.to_json(indent=1, validate=False)
