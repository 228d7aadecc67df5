"""What a model's numbers are made from: its first answers with their images, and a link to every record."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TypeAlias
from urllib.parse import quote

import msgspec
from PIL import Image

from vlm_profiling.record.files import atomic_path
from vlm_profiling.record.manifests import DatasetSample
from vlm_profiling.report.table import NOTHING, Block, Cell, Column, Link, Table, Tag, Thumbnail
from vlm_profiling.report.words import settings
from vlm_profiling.tables.identity import RunKey
from vlm_profiling.tables.part_rows import SampleRow
from vlm_profiling.tables.row import RunRow

EXAMPLES = 6
"""Answers shown of each data set."""
SIDE = 192
"""Longer side of an image shown, px."""

Thumbnails: TypeAlias = Callable[[str, str], str | None]
"""From data set and sample id to the address of a small copy of its image; None where there is none."""


def examples_blocks(
    rows: Sequence[RunRow], samples: Mapping[RunKey, Sequence[SampleRow]], thumbnail: Thumbnails
) -> list[Block]:
    """The first answers of each run. All of it is untrusted text.

    Args:
        rows: the runs.
        samples: the samples of runs, in the order asked.
        thumbnail: returns the address of a small copy of a sample's image.
    """
    lines: list[list[Cell]] = []
    imaged = False
    for row in rows:
        for sample in samples.get(row.place, ())[:EXAMPLES]:
            address = thumbnail(row.dataset, sample.id)
            imaged |= address is not None
            image = Thumbnail(address, "Image of this sample") if address else NOTHING
            expected = " / ".join(msgspec.json.decode(sample.references or "[]", type=list[str]))
            lines.append([image, row.dataset, sample.request, expected, sample.answer])
    if not lines:
        return []
    heads = [Column(title, text=True) for title in ("Image", "Data set", "Question", "Reference", "Answer")]
    kept = slice(None) if imaged else slice(1, None)
    return [Table(heads[kept], [line[kept] for line in lines])]


def records_blocks(rows: Sequence[RunRow], runs: str) -> list[Block]:
    """Every run with its status and a link to its record, where there is one.

    Args:
        rows: the runs.
        runs: address of the folder of records, relative to the page.
    """
    lines: list[list[Cell]] = []
    for row in rows:
        address = quote(f"{runs}/{row.model}/{row.dataset}/{row.point.label}-{row.key}.json")
        link = NOTHING if row.status == "missing" else Link(row.key, address)
        lines.append([row.dataset, settings(row.point), Tag(row.status), link])
    return [
        Table([Column(title, text=True) for title in ("Data set", "Settings", "Status", "Record")], lines)
    ]


def make_thumbnails(datasets: Path, output: Path) -> Thumbnails:
    """Small copies of prepared data sets' images, written to `output`/images as they are asked for.

    An image is decoded and encoded anew, so that only its pixels reach the page.
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
