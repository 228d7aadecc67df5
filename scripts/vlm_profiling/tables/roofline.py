"""The table of the roofline: one row a stage of a run against a ceiling, and the same rows read back for
charts and pages.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import msgspec
import polars as pl

from vlm_profiling.cost.functions import ModelCost
from vlm_profiling.cost.roofline.ceilings import Ceilings
from vlm_profiling.cost.roofline.roofline import StageRoofline, run_roofline
from vlm_profiling.record.schema import RunRecord
from vlm_profiling.study import Run
from vlm_profiling.tables.columns import section_columns
from vlm_profiling.tables.identity import RunKey, identity_columns
from vlm_profiling.tables.row import RunRow
from vlm_profiling.tables.table_files import reading_table, write_table


def write_roofline(
    finished: Iterable[tuple[Run, RunRecord]],
    costs: Mapping[str, ModelCost],
    ceilings: Mapping[str, Ceilings],
    output: Path,
) -> int:
    """Write roofline.parquet and roofline.csv; returns the number of rows.

    Args:
        finished: runs with their records.
        costs: cost functions by model.
        ceilings: measured ceilings by device.
        output: the folder to write to.
    """
    rows = [
        (run, row)
        for run, record in finished
        for row in run_roofline(record, costs.get(run.model), ceilings.get(run.point.device))
    ]
    columns = section_columns([row for _, row in rows], StageRoofline)
    table = pl.DataFrame([*identity_columns([run for run, _ in rows]), *columns])
    write_table(table.rename({"stageroofline_absent": "absent"}), output, "roofline")
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
