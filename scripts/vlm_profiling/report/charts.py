"""All charts of a study, from its tables: each as Vega-Lite JSON, SVG and PNG."""

from __future__ import annotations

from pathlib import Path

import altair as alt
import vl_convert

from vlm_profiling.record.files import write_bytes
from vlm_profiling.report.cells import Cells, read_cells
from vlm_profiling.report.charts_axis import axis_chart
from vlm_profiling.report.charts_index import index_chart
from vlm_profiling.report.charts_model import model_chart
from vlm_profiling.report.charts_roofline import roofline_chart
from vlm_profiling.report.charts_stages import axis_stages_chart, index_stages_chart
from vlm_profiling.report.compare import read_batch_times
from vlm_profiling.report.files import INDEX_CHARTS, ROOFLINE_CHART, axis_page_name, model_charts, shared_axes, stage_charts
from vlm_profiling.report.inside import read_stages
from vlm_profiling.report.roofline import read_roofline
from vlm_profiling.study import Study

SCALE = 2
"""Pixels of the PNG a pixel of the chart."""


def draw_charts(study: Study, tables: Path, output: Path) -> int:
    """Draw every chart of `files.chart_files` from a folder of tables; returns how many charts there are."""
    cells = read_cells(study, tables)
    charts = {f"index/{name}": index_chart(cells, name) for name in INDEX_CHARTS}
    for model in study.models:
        names = model_charts(study, model)
        times = read_batch_times(tables, cells.on_axis(model, "optimization")) if "optimization" in names else {}
        charts |= {f"{model}/{name}": model_chart(cells, model, name, times) for name in names}
    if study.protocol.stages:
        charts |= _stage_charts(cells, tables)
    for axis in shared_axes(study):
        on_axis = [cell for model in study.models for cell in cells.on_axis(model, axis)]
        charts[f"index/{axis_page_name(axis)}"] = axis_chart(cells, axis, read_batch_times(tables, on_axis))
    roofline = read_roofline(tables, cells.all)
    charts |= {f"{model}/{ROOFLINE_CHART}": roofline_chart(cells, model, roofline) for model in study.models}
    for stem, chart in charts.items():
        write_chart(chart, output / stem)
    return len(charts)


def _stage_charts(cells: Cells, tables: Path) -> dict[str, alt.VConcatChart]:
    stages = read_stages(tables, cells.all)
    charts = {"index/stages": index_stages_chart(cells, stages)}
    for model in cells.study.models:
        for name in stage_charts(cells.study, model):
            charts[f"{model}/{name}"] = axis_stages_chart(cells, model, name.removesuffix("_stages"), stages)
    return charts


def write_chart(chart: alt.TopLevelMixin, stem: Path) -> None:
    """Write STEM.vl.json, STEM.svg and STEM.png."""
    specification = chart.to_json(indent=1)
    svg = vl_convert.vegalite_to_svg(specification)
    contents = {"vl.json": specification.encode(), "svg": svg.encode(), "png": vl_convert.svg_to_png(svg, scale=SCALE)}
    for ending, content in contents.items():
        write_bytes(stem.with_name(f"{stem.name}.{ending}"), content)
