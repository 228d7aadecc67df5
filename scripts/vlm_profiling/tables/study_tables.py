"""All tables of a study as typed rows, read once a step, and its runs found by their place in the grid."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import msgspec
import polars as pl

from vlm_profiling.cost.roofline.roofline import StageRoofline
from vlm_profiling.statistics.compare import Times
from vlm_profiling.study import Point, Study
from vlm_profiling.study.grid import axis_point
from vlm_profiling.tables.identity import IdentifiedRow, RunKey
from vlm_profiling.tables.part_rows import DriftRow, FindingRow, LayerRow, SampleRow, StageRow
from vlm_profiling.tables.row import RunRow, run_rows
from vlm_profiling.tables.table_files import read_table, reading_table

Row = TypeVar("Row", bound=IdentifiedRow)
RUN_KEY = ["model", "dataset", "key"]
RUN_PARTS = [
    *(
        name
        for kind in (StageRow, LayerRow)
        for name in kind.__struct_fields__
        if name.startswith(("stages_", "layers_"))
    ),
]
"""Columns of the table of runs that hold for all stages or layers of a run."""


class StudyRuns:
    """All runs of a study in the order of the grid, flagged by the audits that they failed."""

    def __init__(self, study: Study, rows: Iterable[RunRow], findings: Sequence[FindingRow]) -> None:
        self.study = study
        self.all = list(rows)
        self.findings = findings
        self._by_place = {(row.model, row.dataset, row.point): row for row in self.all}
        for finding in findings:
            if finding.verdict == "fail":
                self._by_place[finding.model, finding.dataset, finding.point].flag(finding)

    def baseline(self, model: str) -> list[RunRow]:
        """A model's runs at the baseline, one a data set; in a product without that very point, the point
        nearest to it.
        """
        return list(self._at(model, _start(self.study)))

    def axis(self, model: str, axis: str) -> list[list[RunRow]]:
        """A model's runs along one axis: a list for each data set, in the order of the axis's values."""
        start = _start(self.study) if self.study.grid == "product" else axis_point(self.study, axis)
        points = [start.replaced(**{axis: value}) for value in self.study.axes[axis].values]
        chosen = self.study.axes[axis].datasets
        lines: dict[str, list[RunRow]] = {}
        for point in points:
            for row in self._at(model, point):
                if chosen is None or row.dataset in chosen:
                    lines.setdefault(row.dataset, []).append(row)
        return list(lines.values())

    def on_axis(self, model: str, axis: str) -> list[RunRow]:
        """The same runs in one list."""
        return [row for line in self.axis(model, axis) for row in line]

    def others(self, model: str) -> list[RunRow]:
        """A model's runs that are neither at the baseline nor on an axis."""
        shown = {row.place for row in self.baseline(model)}
        shown |= {row.place for axis in self.study.axes for row in self.on_axis(model, axis)}
        return [row for row in self.all if row.model == model and row.place not in shown]

    @classmethod
    def read(cls, study: Study, folder: Path) -> StudyRuns:
        """The runs and findings in a folder of tables. Raises RecordError where either cannot be read."""
        return cls(study, read_runs_table(folder), read_findings(folder))

    def _at(self, model: str, point: Point) -> Iterator[RunRow]:
        for dataset in self.study.datasets:
            if (model, dataset, point) in self._by_place:
                yield self._by_place[model, dataset, point]


class Samples(Mapping[RunKey, list[SampleRow]]):
    """The samples of each run in the order asked. They stay columns until a run's are asked for."""

    def __init__(self, table: pl.DataFrame) -> None:
        self._parts = table.partition_by(*RUN_KEY, as_dict=True, include_key=False, maintain_order=True)

    def __getitem__(self, run: RunKey) -> list[SampleRow]:
        return msgspec.convert(self._parts[run].to_dicts(), list[SampleRow])

    def __iter__(self) -> Iterator[RunKey]:
        return ((str(model), str(dataset), str(key)) for model, dataset, key in self._parts)

    def __len__(self) -> int:
        return len(self._parts)


@dataclass(frozen=True)
class StudyTables:
    """Every table of a study. Rows of a run are found by its key; a run without rows is not in a mapping."""

    study: Study
    runs: StudyRuns
    stages: Mapping[RunKey, Sequence[StageRow]]
    """In the order of the work."""
    layers: Mapping[RunKey, Sequence[LayerRow]]
    """Longest first."""
    roofline: Mapping[RunKey, Sequence[StageRoofline]]
    """A row a stage and ceiling, in the order of the work."""
    drift: Mapping[RunKey, DriftRow]
    """By the run that was compared with the reference optimization."""
    samples: Samples
    batch_times: Mapping[RunKey, Times]
    """generate() of the full batches, or of the partial one of a run that has no other."""

    @property
    def findings(self) -> Sequence[FindingRow]:
        """What the audits found, in the order of the runs."""
        return self.runs.findings

    @classmethod
    def read(cls, study: Study, folder: Path) -> StudyTables:
        """Read every table of a folder once. Raises RecordError for a table that is missing, damaged, or
        lacks a column.
        """
        runs = StudyRuns.read(study, folder)
        run_columns = read_table(folder, "runs", [*RUN_KEY, *RUN_PARTS])
        samples = read_table(folder, "samples", [*RUN_KEY, *SampleRow.__struct_fields__])
        return cls(
            study=study,
            runs=runs,
            stages=_by_run(_rows(folder, "stages", StageRow, run_columns)),
            layers=_by_run(_rows(folder, "layers", LayerRow, run_columns)),
            roofline=_read_roofline(folder),
            drift={row.place: row for row in _rows(folder, "drift", DriftRow)},
            samples=Samples(samples),
            batch_times=_batch_times(samples, runs.all),
        )


def read_runs_table(folder: Path) -> list[RunRow]:
    """The rows of the table of runs. Raises RecordError where it cannot be read."""
    with reading_table(folder / "runs.parquet"):
        return run_rows(pl.read_parquet(folder / "runs.parquet"))


def read_findings(folder: Path) -> list[FindingRow]:
    """All findings, in the order of the runs. Raises RecordError where they cannot be read."""
    return _rows(folder, "audits", FindingRow)


def _rows(folder: Path, name: str, kind: type[Row], of_runs: pl.DataFrame | None = None) -> list[Row]:
    """The rows of a table; with `of_runs` joined to the columns that hold for all rows of a run."""
    with reading_table(folder / f"{name}.parquet"):
        table = pl.read_parquet(folder / f"{name}.parquet")
        if of_runs is not None:
            table = table.join(of_runs, on=RUN_KEY, how="left", maintain_order="left")
        table = table.select(kind.__struct_fields__)
    return msgspec.convert(table.to_dicts(), list[kind])


def _by_run(rows: Iterable[Row]) -> dict[RunKey, list[Row]]:
    found: dict[RunKey, list[Row]] = {}
    for row in rows:
        found.setdefault(row.place, []).append(row)
    return found


def _read_roofline(folder: Path) -> dict[RunKey, list[StageRoofline]]:
    names = StageRoofline.__struct_fields__
    table = read_table(folder, "roofline", [*RUN_KEY, *names])
    found: dict[RunKey, list[StageRoofline]] = {}
    for row in table.to_dicts():
        model, dataset, key = (row.pop(name) for name in RUN_KEY)
        row["absent"] = msgspec.json.decode(row["absent"] or "{}", type=dict[str, str])
        found.setdefault((model, dataset, key), []).append(msgspec.convert(row, StageRoofline))
    return found


def _batch_times(samples: pl.DataFrame, rows: Iterable[RunRow]) -> dict[RunKey, Times]:
    """The times behind the runs' latencies, batch by batch, with the samples of each batch."""
    drifts = {row.place: row.repeats_drift for row in rows}
    table = (
        samples.lazy()
        .filter(pl.col("batch_full") | ~pl.col("batch_full").any().over(RUN_KEY))
        .group_by(*RUN_KEY, "batch", maintain_order=True)
        .agg(pl.col("id"), pl.col("batch_generate_s").first())
        .group_by(RUN_KEY, maintain_order=True)
        .agg("batch_generate_s", "id")
        .collect()
    )
    return {
        (model, dataset, key): Times(
            tuple(seconds), tuple(map(tuple, ids)), drifts.get((model, dataset, key))
        )
        for model, dataset, key, seconds, ids in table.iter_rows()
    }


def _start(study: Study) -> Point:
    """The baseline. A product measures it only where every axis takes the baseline's value: else the axis's
    first value.
    """
    point = study.baseline.point
    if study.grid == "product":
        for name, axis in study.axes.items():
            if getattr(point, name) not in axis.values:
                point = point.replaced(**{name: axis.values[0]})
    return point
