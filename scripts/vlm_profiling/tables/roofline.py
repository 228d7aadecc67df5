"""The table of the roofline: one row a stage of a run against a ceiling, and the same rows read back for
charts and pages.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import msgspec
import polars as pl
from msgspec import structs

from vlm_profiling.cost.functions import ModelCost
from vlm_profiling.cost.roofline.ceilings import Ceilings
from vlm_profiling.cost.roofline.roofline import StageRoofline, run_roofline
from vlm_profiling.record.files import atomic_path
from vlm_profiling.record.schema import RunRecord
from vlm_profiling.study import Run
from vlm_profiling.tables.errors import reading_table
from vlm_profiling.tables.identity import POINT_SCHEMA, RunKey
from vlm_profiling.tables.row import RunRow

TEXT = {"stage", "ceiling", "source", "dtype", "roof", "bound", "absent"}
SCHEMA: dict[str, type[pl.DataType]] = {
    "model": pl.String,
    "dataset": pl.String,
    **POINT_SCHEMA,
    "key": pl.String,
    **{name: pl.String if name in TEXT else pl.Float64 for name in StageRoofline.__struct_fields__},
}
"""Columns: where the run stands, then the fields of cost.roofline.StageRoofline; `absent` is JSON text."""


def write_roofline(
    finished: Iterable[tuple[Run, RunRecord]],
    costs: Mapping[str, ModelCost],
    ceilings: Mapping[str, Ceilings],
    output: Path,
) -> int:
    """Write roofline.parquet and roofline.csv to a folder; returns how many rows there are."""
    columns: dict[str, list[object]] = {name: [] for name in SCHEMA}
    for run, record in finished:
        for row in run_roofline(record, costs.get(run.model), ceilings.get(run.point.device)):
            figures = structs.asdict(row) | {
                "absent": msgspec.json.encode(row.absent).decode() if row.absent else None
            }
            place = {"model": run.model, "dataset": run.dataset, **structs.asdict(run.point), "key": run.key}
            for name, value in (place | figures).items():
                columns[name].append(value)
    table = pl.DataFrame(columns, schema=SCHEMA)
    with atomic_path(output / "roofline.parquet") as path:
        table.write_parquet(path)
    with atomic_path(output / "roofline.csv") as path:
        table.write_csv(path)
    return len(table)


def read_roofline(tables: Path, cells: Sequence[RunRow]) -> dict[RunKey, list[StageRoofline]]:
    """The rows of those cells that have any, in the order of the work. Raises RecordError without such a
    table.
    """
    path = tables / "roofline.parquet"
    places = {cell.place for cell in cells}
    with reading_table(path):
        table = pl.scan_parquet(path).filter(pl.col("key").is_in({key for _, _, key in places})).collect()
    rows: dict[RunKey, list[StageRoofline]] = {}
    for row in table.to_dicts():
        if (place := (row["model"], row["dataset"], row["key"])) in places:
            row["absent"] = msgspec.json.decode(row["absent"] or "{}", type=dict[str, str])
            own = {name: row[name] for name in StageRoofline.__struct_fields__}
            rows.setdefault(place, []).append(msgspec.convert(own, StageRoofline))
    return rows
