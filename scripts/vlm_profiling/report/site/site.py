"""The static site of a study: its pages in one layout, with charts that react to the pointer.

It needs no server and no network: the specifications of charts are part of the pages, the scripts are files
of the site, and a content security policy lets a page load nothing else and run no script of its own.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cache, partial
from pathlib import Path
from typing import Any

import jinja2
import msgspec
from markupsafe import Markup

from vlm_profiling.outputs import SITE_FOLDER
from vlm_profiling.record.files import RecordError, write_bytes, write_text
from vlm_profiling.report import site
from vlm_profiling.report.site.html import page_body
from vlm_profiling.report.site.slim import slim
from vlm_profiling.report.table import Page, Plot
from vlm_profiling.study import Study

SCRIPTS = ("theme.js", "tables.js", "charts.js")
"""Joined, in this order, to one file."""


def write_site(study: Study, pages: Mapping[str, Page], plots: Path, output: Path) -> None:
    """Write the pages as HTML, and what they share.

    Args:
        study: the study.
        pages: its pages, by their files' names without the ending.
        plots: the folder of the charts.
        output: the folder of the pages.

    Raises:
        RecordError: a chart is missing.
    """
    layout = _layout()
    names = {name: page.menu_name for name, page in pages.items()}
    links = {
        "Study": [("index", names["index"])],
        "Models": [(model, model) for model in study.models],
        "Across models": [
            (name, title) for name, title in names.items() if name not in ("index", *study.models)
        ],
    }
    for name, page in pages.items():
        body = page_body(page, partial(_chart, output, plots))
        write_text(
            output / f"{name}.html", layout.render(study=study.name, links=links, name=name, body=body)
        )
    write_assets(output / SITE_FOLDER)


def write_lone_page(page: Page, folder: Path, name: str) -> None:
    """Write a page of no study's site as NAME.html, in the same layout; its charts are in the folder."""
    body = page_body(page, partial(_chart, folder, folder))
    write_text(folder / f"{name}.html", _layout().render(study="", links={}, name=name, body=body))
    write_assets(folder / SITE_FOLDER)


def _layout() -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader(site.__name__, "."),
        undefined=jinja2.StrictUndefined,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("layout.html.j2")


def write_assets(folder: Path) -> None:
    """What all pages share: the style, the scripts, and Vega-Embed with all it needs, as one script."""
    own = Path(site.__path__[0])
    write_text(folder / "site.css", (own / "site.css").read_text(encoding="utf-8"))
    write_text(folder / "site.js", "".join((own / name).read_text(encoding="utf-8") for name in SCRIPTS))
    write_bytes(folder / "vega.js", _vega())


@cache
def _vega() -> bytes:
    import vl_convert  # only here: the bundle is made by a JavaScript engine that takes a while to start

    return vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;").encode()


def _chart(output: Path, plots: Path, plot: Plot) -> Markup:
    """A chart as its image, which remains where scripts do not run, and its specification.

    The scripts draw the chart anew from the specification.
    """
    image = Path(os.path.normpath(output / plot.address))
    path = plots / image.relative_to(os.path.normpath(plots)).with_suffix(".vl.json")
    try:
        specification: dict[str, Any] = msgspec.json.decode(path.read_bytes())
    except (OSError, msgspec.MsgspecError) as error:
        raise RecordError(f"{path}: {error}") from None
    markup = Markup(
        '<figure class="chart"><div class="drawing"><img src="{}" alt="{}" loading="lazy"></div>'
        '<script type="application/json">{}</script></figure>'
    )
    return markup.format(plot.address, plot.title, Markup(script_json(slim(specification))))


def script_json(value: object) -> str:
    """JSON for a script element: no text in it ends the element or begins a comment."""
    return (
        msgspec.json.encode(value)
        .decode()
        .replace("<", "\\u003c")
        .replace(">", "\\u003e")
        .replace("&", "\\u0026")
    )
