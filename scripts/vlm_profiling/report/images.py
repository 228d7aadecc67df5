"""A chart's specification in JSON as the files that show it."""

from __future__ import annotations

from pathlib import Path

import vl_convert

from vlm_profiling.record.files import write_bytes

SCALE = 2
"""Pixels of the PNG a pixel of the chart."""


def write_images(specification: str, stem: Path) -> None:
    """Write STEM.vl.json, STEM.svg and STEM.png."""
    svg = vl_convert.vegalite_to_svg(specification)
    contents = {
        "vl.json": specification.encode(),
        "svg": svg.encode(),
        "png": vl_convert.svg_to_png(svg, scale=SCALE),
    }
    for ending, content in contents.items():
        write_bytes(stem.with_name(f"{stem.name}.{ending}"), content)
