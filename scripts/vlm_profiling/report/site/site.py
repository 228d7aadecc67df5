"""The static site of a study: its Markdown pages in one layout, with charts that answer to the pointer.

It needs no server and no network: charts' specifications stand in the pages, the scripts lie beside them, and
a content security policy lets a page load nothing else and run no script of its own.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

import jinja2
import msgspec
from markupsafe import Markup

from vlm_profiling.outputs import SITE_FOLDER, page_files
from vlm_profiling.record.files import RecordError, write_bytes, write_text
from vlm_profiling.report import site
from vlm_profiling.report.pages.about import counts_text
from vlm_profiling.report.site.markup import Body, page_body
from vlm_profiling.report.site.slim import slim
from vlm_profiling.study import Study
from vlm_profiling.tables.study_tables import Cells, read_cells

SCRIPTS = ("theme.js", "tables.js", "charts.js")
"""Joined, in this order, to one file."""


@dataclass(frozen=True)
class Tile:
    """A number at the top of the landing page."""

    words: str
    count: int
    colour: str
    """good, doubtful or bad; empty: neither."""
    section: str = ""
    """Anchor of the section that tells more."""


def write_site(study: Study, tables: Path, plots: Path, output: Path) -> int:
    """Write the HTML beside the Markdown pages that `write_pages` left in `output`; returns how many pages.

    Raises RecordError when a table, a page or a chart is missing.
    """
    layout = _layout()
    cells = read_cells(study, tables)
    tiles = _tiles(cells)
    bodies = {page.removesuffix(".md"): _body(output, page, plots, cells) for page in page_files(study)}
    others = [(name, body.title.removesuffix(", all models")) for name, body in bodies.items()]
    links = {
        "Study": [("index", "All models")],
        "Models": [(model, model) for model in study.models],
        "All models by": [(name, title) for name, title in others if name not in ("index", *study.models)],
    }
    for name, body in bodies.items():
        write_text(
            output / f"{name}.html",
            layout.render(study=study.name, links=links, name=name, body=body, tiles=tiles),
        )
    write_assets(output / SITE_FOLDER)
    return len(bodies)


def write_lone_page(path: Path) -> None:
    """Write the HTML beside a Markdown page that no study's site holds, in the same layout, its charts beside
    it.
    """
    body = page_body(_read(path), partial(_chart, path.parent, path.parent))
    write_text(
        path.with_suffix(".html"), _layout().render(study="", links={}, name=path.stem, body=body, tiles=[])
    )
    write_assets(path.parent / SITE_FOLDER)


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


def _body(output: Path, page: str, plots: Path, cells: Cells) -> Body:
    markdown = _read(output / page)
    if page == "index.md":
        markdown = markdown.replace(f"{counts_text(cells.all)}\n\n", "", 1)  # the tiles say it
    return page_body(markdown, partial(_chart, output, plots))


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise RecordError(f"{path}: {error}") from None


def _chart(output: Path, plots: Path, address: str, title: str) -> str:
    """A chart as its image, which stays where scripts do not run, and its specification, from which it is
    drawn anew.
    """
    image = Path(os.path.normpath(output / address))
    path = plots / image.relative_to(os.path.normpath(plots)).with_suffix(".vl.json")
    try:
        specification: dict[str, Any] = msgspec.json.decode(path.read_bytes())
    except (OSError, msgspec.MsgspecError) as error:
        raise RecordError(f"{path}: {error}") from None
    markup = Markup(
        '<figure class="chart"><div class="drawing"><img src="{}" alt="{}" loading="lazy"></div>'
        '<script type="application/json">{}</script></figure>'
    )
    return markup.format(address, title, Markup(script_json(slim(specification))))


def script_json(value: object) -> str:
    """JSON for a script element: no text in it ends the element or begins a comment."""
    return (
        msgspec.json.encode(value)
        .decode()
        .replace("<", "\\u003c")
        .replace(">", "\\u003e")
        .replace("&", "\\u0026")
    )


def _tiles(cells: Cells) -> Sequence[Tile]:
    """How many cells have figures, how many have none and why, and what the audits found."""
    statuses = Counter(cell.status for cell in cells.all)
    verdicts = Counter(finding.verdict for finding in cells.findings)
    failed = statuses["oom"] + statuses["timeout"] + statuses["error"]
    absent = "cells-without-figures" if statuses["ok"] < len(cells.all) else ""
    stale = sum(cell.state == "stale" for cell in cells.all)
    others = len(cells.all) - statuses["ok"] - statuses["unsupported"] - failed
    return [
        Tile("cells", len(cells.all), ""),
        Tile("done", statuses["ok"], "good"),
        Tile(
            "unsupported",
            statuses["unsupported"],
            "doubtful" if statuses["unsupported"] else "",
            absent if statuses["unsupported"] else "",
        ),
        Tile("failed", failed, "bad" if failed else "", absent if failed else ""),
        *([Tile("without a record", others, "bad", absent)] if others else []),
        *([Tile("stale", stale, "doubtful")] if stale else []),
        Tile("audits passed", verdicts["pass"], "good"),
        Tile("audits warned", verdicts["warn"], "doubtful" if verdicts["warn"] else ""),
        Tile("audits failed", verdicts["fail"], "bad" if verdicts["fail"] else ""),
    ]
