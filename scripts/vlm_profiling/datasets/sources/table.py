"""Rows of a table (JSON, JSON lines or Parquet) as candidates: which columns are read, and where images come
from.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from vlm_profiling.datasets.candidates import BadSample, Candidate, DatasetError, Row
from vlm_profiling.record.manifests import SkippedSample
from vlm_profiling.record.schema import Metric
from vlm_profiling.study.inputs import DatasetColumns

Fields: TypeAlias = Mapping[str, Any]

ROWS_A_BATCH = 128
"""Parquet rows in memory at once: images of a few hundred kB each."""


@dataclass(frozen=True)
class TableLayout:
    """Which columns of a table make a sample."""

    image: tuple[str, ...]
    """Names the image's column may have; the first that is there counts."""
    texts: tuple[str, ...]
    """Columns that `question` reads."""
    question: Callable[[Fields], tuple[object, object]]
    """From a row's text columns to its request and its reference answers. May raise BadSample."""
    id: str | None = None
    """Column that names a sample; its row number where there is none."""
    video: tuple[str, ...] = ()
    """Names the column of a video may have, which a sample may hold in place of an image."""

    def row_columns(self, there: Sequence[str]) -> list[str]:
        """The columns to read of those that are there. Raises DatasetError naming what is missing."""
        shown = [
            name
            for names in (self.image, self.video)
            for name in [name for name in names if name in there][:1]
        ]
        wanted = [*self.texts, *([self.id] if self.id else [])]
        missing = [name for name in wanted if name not in there] + (
            [] if shown else [" or ".join((*self.image, *self.video))]
        )
        if missing:
            raise DatasetError(f"columns: no column {', '.join(missing)}; the table has {', '.join(there)}")
        return list(dict.fromkeys([*shown, *wanted]))


@dataclass(frozen=True)
class KnownDataset:
    """A data set of the hub whose columns, prompts and metric are known here."""

    prompts: Mapping[str, TableLayout]
    """By the value of the setting `prompt`."""
    metric: Metric


def layout_of_columns(columns: DatasetColumns) -> TableLayout:
    """The layout that the setting `columns` describes. The reference study calls an image's column
    image_path: both names do, and video_path beside video."""

    def question(row: Fields) -> tuple[object, object]:
        return row[columns.request], row[columns.response]

    image = ("image_path", "image") if columns.image == "image" else (columns.image,)
    video = ("video_path", "video") if columns.video is None else (columns.video,)
    return TableLayout(image, (columns.request, columns.response), question, columns.id, video)


def table_rows(
    rows: Iterable[object], layout: TableLayout, image_of: Callable[[object], Path | bytes | None]
) -> Iterator[Row]:
    """A candidate for each row, or why there is none.

    `image_of` finds the image or video of a cell, raises BadSample, or says None: then the row is left out in
    silence.
    """
    for number, row in enumerate(rows):
        name = str(number)
        try:
            if not isinstance(row, Mapping):
                raise BadSample("not an object with named fields")
            name = row.get(layout.id, name) if layout.id else name
            missing = [field for field in layout.texts if field not in row]
            if missing:
                raise BadSample(f"no {' and no '.join(missing)}")
            image, video = (_first(row, names) for names in (layout.image, layout.video))
            if image is not None and video is not None:
                raise BadSample("it has an image and a video; a sample has one of them")
            content = image_of(image if video is None else video)
            candidate = (
                Candidate(name, *layout.question(row), content, video is not None)
                if content is not None
                else None
            )
        except BadSample as problem:
            yield SkippedSample(id=str(name), reason=str(problem))
        else:
            if candidate is not None:
                yield candidate


def _first(row: Fields, names: Sequence[str]) -> object:
    """The first cell of these names that holds anything."""
    return next((row[name] for name in names if row.get(name) is not None), None)


def json_rows(path: Path) -> Iterator[object]:
    """The elements of a JSON list, or of a file with one JSON value a line. Raises DatasetError naming file
    and line.
    """
    text = path.read_bytes()
    if path.suffix == ".json":
        rows = _parse(text, path.name)
        if not isinstance(rows, list):
            raise DatasetError(f"{path.name}: must hold a list of samples")
        yield from rows
        return
    for number, line in enumerate(text.splitlines(), start=1):
        if line.strip():
            yield _parse(line, f"{path.name}, line {number}")


def parquet_rows(paths: Sequence[Path], layout: TableLayout) -> Iterator[dict[str, Any]]:
    """The rows of Parquet files, one file after the other. Raises DatasetError for a broken file or a missing
    column.
    """
    import polars as pl

    for path in paths:
        try:
            table = pl.scan_parquet(path)
            table = table.select(layout.row_columns(table.collect_schema().names()))
            for batch in table.collect_batches(chunk_size=ROWS_A_BATCH, maintain_order=True):
                yield from batch.iter_rows(named=True)
        except pl.exceptions.PolarsError as error:
            raise DatasetError(f"{path.name}: not readable as Parquet: {error}") from None


def image_bytes(cell: object) -> bytes | None:
    """The encoded image in a table's cell: bytes, or the {bytes, path} of the hub's image and video columns;
    else None.
    """
    content = cell.get("bytes") if isinstance(cell, Mapping) else cell
    return content if isinstance(content, bytes) else None


def _parse(text: bytes, place: str) -> Any:
    try:
        return json.loads(text.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise DatasetError(f"{place}: not readable as JSON: {error}") from None
