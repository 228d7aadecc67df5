"""All charts of a study, from its tables: each as Vega-Lite JSON, SVG and PNG."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import altair as alt

from vlm_profiling.report.charts.registry import modules, study_charts
from vlm_profiling.report.images import write_images
from vlm_profiling.tables.study_tables import StudyTables


def draw_charts(tables: StudyTables, output: Path, processes: int = 1) -> int:
    """Draw every chart of a study; returns how many there are.

    Args:
        tables: the study's tables.
        output: the folder of the charts.
        processes: with two, images are made in one while the next chart is built in the other; more are of
        no use.
    """
    charts = _charts(tables)
    count = len(study_charts(tables.study))
    if processes < 2:
        for stem, chart in charts:
            write_chart(chart, output / stem)
        return count
    # Converting holds the interpreter's lock: in a process of its own it goes on while the next chart is
    # built.
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as converter:
        written = [
            converter.submit(write_images, specification(chart), output / stem) for stem, chart in charts
        ]
        for image in written:
            image.result()
    return count


def _charts(tables: StudyTables) -> Iterator[tuple[str, alt.TopLevelMixin]]:
    """Each chart with its file, without the ending."""
    drawing = modules()
    for chart in study_charts(tables.study):
        yield chart.stem, drawing[chart.kind].draw(tables, chart)


def write_chart(chart: alt.TopLevelMixin, stem: Path) -> None:
    """Write STEM.vl.json, STEM.svg and STEM.png."""
    write_images(specification(chart), stem)


def specification(chart: alt.TopLevelMixin) -> str:
    """JSON.

    Not validated against Vega-Lite's schema, which would take longer than all the rest: tests do that.
    """
    return chart.to_json(indent=1, validate=False)
