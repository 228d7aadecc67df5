"""Rows of the tables of stages and layers as typed parts of a run: what its time went to."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

import msgspec
import polars as pl

from vlm_profiling.metrics.estimate import Entry, Estimate
from vlm_profiling.record.absent import Absent
from vlm_profiling.tables.identity import IdentifiedRow, RunKey
from vlm_profiling.tables.row import RunRow
from vlm_profiling.tables.table_files import reading_table

Row = TypeVar("Row", bound=IdentifiedRow)


class StageRow(IdentifiedRow, frozen=True, kw_only=True):
    """A stage of a run, beside what holds for all its stages: the columns that charts and pages read.

    record/inside.py says what each means.
    """

    stage: str
    time_n: int
    time_mean_s: float
    time_std_s: float | None
    time_min_s: float
    time_median_s: float
    time_max_s: float
    time_sampling_low_s: float | None
    time_sampling_high_s: float | None
    share: float
    stages_end_to_end_n: int
    stages_end_to_end_mean_s: float
    stages_end_to_end_sampling_low_s: float | None
    stages_end_to_end_sampling_high_s: float | None
    stages_unattributed_share: float
    stages_against_headline: float
    stages_against_headline_interval_low: float | None
    stages_against_headline_interval_high: float | None
    stages_instrumentation_overhead_mean: float | None
    stages_instrumentation_overhead_low: float | None
    stages_instrumentation_overhead_high: float | None
    stages_absent: str | None

    @property
    def time(self) -> Estimate:
        """Exclusive time per full batch, s."""
        return _mean(self.time_mean_s, self.time_sampling_low_s, self.time_sampling_high_s, self.time_n)

    @property
    def end_to_end(self) -> Estimate:
        """Of the same batches: all stages and what is in none, s."""
        return _mean(
            self.stages_end_to_end_mean_s,
            self.stages_end_to_end_sampling_low_s,
            self.stages_end_to_end_sampling_high_s,
            self.stages_end_to_end_n,
        )

    @property
    def pass_cost(self) -> Estimate:
        """generate() of the stages pass over that of the headline pass: a ratio."""
        return _mean(
            self.stages_against_headline,
            self.stages_against_headline_interval_low,
            self.stages_against_headline_interval_high,
            None,
        )

    @property
    def instrumentation_overhead(self) -> Entry:
        """generate() marked over unmarked, rounds in pairs: a ratio."""
        if self.stages_instrumentation_overhead_mean is None:
            return Absent("too few repeats")
        return _mean(
            self.stages_instrumentation_overhead_mean,
            self.stages_instrumentation_overhead_low,
            self.stages_instrumentation_overhead_high,
            None,
        )

    @property
    def absent(self) -> dict[str, str]:
        """Why stages of this run are not there."""
        return msgspec.json.decode(self.stages_absent or "{}", type=dict[str, str])


class LayerRow(IdentifiedRow, frozen=True, kw_only=True):
    """A kind of layer in a stage of a run."""

    stage: str
    module: str
    block: str
    share: float
    layers_coverage: float
    layers_batches: int
    layers_against_headline: float
    layers_stages_s: str
    """JSON: seconds by stage."""
    layers_generate_s: float

    @property
    def stage_shares(self) -> dict[str, float]:
        """Share of generate() by stage, in its layers and between them."""
        return {
            stage: seconds / self.layers_generate_s
            for stage, seconds in msgspec.json.decode(self.layers_stages_s, type=dict[str, float]).items()
        }


def read_stages(tables: Path, cells: Sequence[RunRow]) -> dict[RunKey, list[StageRow]]:
    """The stages of those cells that have any, in the order of the work. Raises RecordError without such a
    table.
    """
    return _read(tables, "stages", StageRow, cells)


def read_layers(tables: Path, cells: Sequence[RunRow]) -> dict[RunKey, list[LayerRow]]:
    """The layers of those cells that have any, longest first. Raises RecordError without such a table."""
    return _read(tables, "layers", LayerRow, cells)


def _read(tables: Path, name: str, kind: type[Row], cells: Sequence[RunRow]) -> dict[RunKey, list[Row]]:
    places = {cell.place for cell in cells}
    with reading_table(tables / f"{name}.parquet"):
        table = (
            pl.scan_parquet(tables / f"{name}.parquet")
            .filter(pl.col("key").is_in({key for _, _, key in places}))
            .join(
                pl.scan_parquet(tables / "runs.parquet"),
                on=["model", "dataset", "key"],
                how="left",
                maintain_order="left",
            )
            .select(kind.__struct_fields__)
            .collect()
        )
    rows: dict[RunKey, list[Row]] = {}
    for row in msgspec.convert(table.to_dicts(), list[kind]):
        if row.place in places:
            rows.setdefault(row.place, []).append(row)
    return rows


def _mean(mean: float, low: float | None, high: float | None, n: int | None) -> Estimate:
    return Estimate(mean, None if low is None or high is None else (low, high), n)
