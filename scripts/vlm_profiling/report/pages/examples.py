"""What lies behind the figures, for a model's page: first answers with their images, and a link to every
record.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import TypeAlias
from urllib.parse import quote

import msgspec
import polars as pl
from PIL import Image

from vlm_profiling.record.files import atomic_path
from vlm_profiling.record.manifests import DatasetSample
from vlm_profiling.report.markdown import escape_markdown, table
from vlm_profiling.report.pages.tables import NOTHING
from vlm_profiling.report.words import settings
from vlm_profiling.tables.row import RunRow

EXAMPLES = 6
"""Answers shown of each data set."""
SIDE = 192
"""Longer side of an image shown, px."""

Thumbnail: TypeAlias = Callable[[str, str], str | None]
"""From data set and sample to the address of a small copy of its image; None where there is none."""


def examples_table(tables: Path, cells: Sequence[RunRow], thumbnail: Thumbnail) -> str:
    """The first answers of each cell. All of it is untrusted text."""
    rows, imaged = [], False
    for cell in cells:
        samples = (
            pl.scan_parquet(tables / "samples.parquet")
            .filter(
                pl.col("model") == cell.model, pl.col("dataset") == cell.dataset, pl.col("key") == cell.key
            )
            .select("id", "request", "references", "answer")
            .head(EXAMPLES)
            .collect()
        )
        for name, request, references, answer in samples.iter_rows():
            address = thumbnail(cell.dataset, name)
            imaged |= address is not None
            expected = " / ".join(msgspec.json.decode(references or "[]", type=list[str]))
            image = f"![Image of this sample]({address})" if address else NOTHING
            rows.append(
                [image, *(escape_markdown(text) for text in (cell.dataset, request, expected, answer))]
            )
    if not rows:
        return ""
    heading = ["Image", "Data set", "Question", "Reference", "Answer"]
    kept = slice(None) if imaged else slice(1, None)
    return table(heading[kept], [row[kept] for row in rows], text_columns=5)


def records_table(cells: Sequence[RunRow], runs: str) -> str:
    """Every cell with its outcome and a link to its record, where there is one. `runs` is the address of
    their folder.
    """
    rows = []
    for cell in cells:
        name = f"{cell.point.label}-{cell.key}.json"
        link = f"[{escape_markdown(cell.key)}]({quote(f'{runs}/{cell.model}/{cell.dataset}/{name}')})"
        rows.append(
            [
                escape_markdown(cell.dataset),
                escape_markdown(settings(cell.point)),
                cell.status,
                NOTHING if cell.status == "missing" else link,
            ]
        )
    return table(["Data set", "Settings", "Outcome", "Record"], rows, text_columns=4)


def make_thumbnails(datasets: Path, output: Path) -> Thumbnail:
    """Small copies of prepared data sets' images, written to `output`/images as they are asked for.

    An image is decoded and encoded anew, so that nothing of the original file but what is seen reaches the
    page.
    """

    (output / "images").mkdir(parents=True, exist_ok=True)

    @cache
    def samples(dataset: str) -> dict[str, DatasetSample]:
        try:
            lines = (datasets / dataset / "samples.jsonl").read_bytes().splitlines()
        except OSError:
            return {}
        return {
            sample.id: sample for sample in (msgspec.json.decode(line, type=DatasetSample) for line in lines)
        }

    def thumbnail(dataset: str, name: str) -> str | None:
        sample = samples(dataset).get(name)
        if sample is None:
            return None
        address = f"images/{sample.image_sha256[:16]}.jpg"
        path = output / address
        if not path.exists():
            try:
                with Image.open(datasets / dataset / sample.image) as image:
                    small = image.convert("RGB")
            except (OSError, Image.DecompressionBombError):
                return None
            small.thumbnail((SIDE, SIDE))
            with atomic_path(path) as temporary:
                small.save(temporary, format="JPEG", quality=80)
        return address

    return thumbnail
