"""A folder of the user's: samples.json, samples.jsonl or samples.parquet beside its images or videos.

Each sample has `image_path`, `request` and `response`, as in the reference study, or `video_path` in place of
the first; `columns` gives other names.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path, PurePosixPath

from vlm_profiling.datasets.candidates import BadSample, DatasetError, Row, Source
from vlm_profiling.datasets.sources.table import (
    TableLayout,
    image_bytes,
    json_rows,
    layout_of_columns,
    parquet_rows,
    table_rows,
)
from vlm_profiling.study.inputs import DatasetColumns

TABLES = ("samples.json", "samples.jsonl", "samples.parquet")


def folder_source(folder: Path, label: str, columns: DatasetColumns | None) -> Source:
    """The samples of a folder. Raises DatasetError unless exactly one of the three tables lies in it."""
    if not folder.is_dir():
        raise DatasetError(
            f"folder: {label} does not exist; it must hold {', '.join(TABLES[:-1])} or {TABLES[-1]}"
        )
    found = [name for name in TABLES if (folder / name).is_file()]
    if len(found) != 1:
        holds = " and ".join(found) if found else "none of them"
        raise DatasetError(f"folder: {label} must hold exactly one of {', '.join(TABLES)}; it holds {holds}")
    layout = layout_of_columns(columns or DatasetColumns())
    return Source(label, lambda: _rows(folder, folder / found[0], layout))


def _rows(folder: Path, table: Path, layout: TableLayout) -> Iterator[Row]:
    rows = parquet_rows([table], layout) if table.suffix == ".parquet" else json_rows(table)
    return table_rows(rows, layout, partial(_image, folder))


def _image(folder: Path, cell: object) -> Path | bytes:
    content = image_bytes(cell)
    if content is not None:
        return content
    written = cell.get("path") if isinstance(cell, Mapping) else cell
    if written is None:
        raise BadSample("no image and no video")
    if not isinstance(written, str):
        raise BadSample(f"the image or video must be a path, not {type(written).__name__}")
    return path_inside(folder, written)


def path_inside(folder: Path, written: str) -> Path:
    """The existing file that `written` names, below `folder` and nowhere else, links followed.

    The reference study writes its paths relative to the project (datasets/TextVQA/images/0.png in
    datasets/TextVQA), so a beginning that repeats the end of the folder's own path is dropped. Raises
    BadSample.
    """
    path = PurePosixPath(written)
    if not written or "\0" in written or "\\" in written or path.is_absolute() or ".." in path.parts:
        raise BadSample(f"the image's path {written!r} leaves the data set's folder")
    try:
        found = folder / path if (folder / path).is_file() else folder / _without_folder(path, folder)
        if not found.resolve().is_relative_to(folder.resolve()):
            raise BadSample(f"the image's path {written!r} leaves the data set's folder")
        if not found.is_file():
            raise BadSample(f"no such file: {written}")
    except (OSError, RuntimeError) as error:  # a name too long, a loop of links
        raise BadSample(f"no such file: {written!r} ({error})") from None
    return found


def _without_folder(path: PurePosixPath, folder: Path) -> PurePosixPath:
    own = folder.absolute().parts
    for count in range(len(path.parts) - 1, 0, -1):
        if own[-count:] == path.parts[:count]:
            return PurePosixPath(*path.parts[count:])
    return path
