"""All tables of a study as typed rows, read once a step, and its runs found by their place in the grid."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
import polars as pl

from vlm_profiling.cost.roofline.roofline import StageRoofline
from vlm_profiling.statistics.compare import Times
from vlm_profiling.study import Point, Study
from vlm_profiling.study.grid import axis_point
from vlm_profiling.tables.breakdown import LayerRow, StageRow, read_layers, read_stages
from vlm_profiling.tables.drift import DriftRow, read_drift
from vlm_profiling.tables.findings import Finding, read_findings
from vlm_profiling.tables.identity import RunKey
from vlm_profiling.tables.roofline import read_roofline
from vlm_profiling.tables.row import RunRow, run_rows
from vlm_profiling.tables.table_files import reading_table


class Cells:
    """All cells of a study, in the order of its runs, marked by the audits that they failed."""

    def __init__(self, study: Study, cells: Iterable[RunRow], findings: Sequence[Finding]) -> None:
        self.study = study
        self.all = list(cells)
        self.findings = findings
        self._by_place = {(cell.model, cell.dataset, cell.point): cell for cell in self.all}
        for finding in findings:
            if finding.verdict == "fail":
                self._by_place[finding.model, finding.dataset, finding.point].flag(finding)

    def baseline(self, model: str) -> list[RunRow]:
        """A model's cells at the baseline, one a data set; in a product without that very point, the point
        nearest to it.
        """
        return list(self._at(model, _start(self.study)))

    def axis(self, model: str, axis: str) -> list[list[RunRow]]:
        """A model's cells along one axis: a list for each data set, in the order of the axis's values."""
        start = _start(self.study) if self.study.grid == "product" else axis_point(self.study, axis)
        points = [start.replaced(**{axis: value}) for value in self.study.axes[axis].values]
        chosen = self.study.axes[axis].datasets
        lines: dict[str, list[RunRow]] = {}
        for point in points:
            for cell in self._at(model, point):
                if chosen is None or cell.dataset in chosen:
                    lines.setdefault(cell.dataset, []).append(cell)
        return list(lines.values())

    def on_axis(self, model: str, axis: str) -> list[RunRow]:
        """The same cells in one list."""
        return [cell for line in self.axis(model, axis) for cell in line]

    def others(self, model: str) -> list[RunRow]:
        """A model's cells that are neither at the baseline nor on an axis."""
        shown = {cell.place for cell in self.baseline(model)}
        shown |= {cell.place for axis in self.study.axes for cell in self.on_axis(model, axis)}
        return [cell for cell in self.all if cell.model == model and cell.place not in shown]

    def _at(self, model: str, point: Point) -> Iterator[RunRow]:
        for dataset in self.study.datasets:
            if (model, dataset, point) in self._by_place:
                yield self._by_place[model, dataset, point]


def read_cells(study: Study, tables: Path) -> Cells:
    """The cells of a study in a folder of tables. Raises RecordError when runs or audits have no table with
    the columns read.
    """
    path = tables / "runs.parquet"
    with reading_table(path):
        rows = run_rows(pl.read_parquet(path))
    return Cells(study, rows, read_findings(tables))


class SampleRow(msgspec.Struct, kw_only=True):
    """A sample of a run, with the batch it was in: the columns that pages read. All text is untrusted."""

    id: str
    request: str
    references: str | None
    """JSON: a list of texts."""
    answer: str
    exact_match: bool | None
    standard: float | None
    batch: int
    batch_rows: int
    batch_full: bool
    batch_generate_s: float
    batch_end_to_end_s: float


class Samples(Mapping[RunKey, list[SampleRow]]):
    """The samples of each run in the order asked. They stay columns until a run's are asked for."""

    def __init__(self, table: pl.DataFrame) -> None:
        self._parts = table.partition_by(
            "model", "dataset", "key", as_dict=True, include_key=False, maintain_order=True
        )

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
    runs: Cells
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
    def findings(self) -> Sequence[Finding]:
        """What the audits found, in the order of the runs."""
        return self.runs.findings

    @classmethod
    def read(cls, study: Study, folder: Path) -> StudyTables:
        """Read every table of a folder once. Raises RecordError for a table that is missing, damaged, or
        lacks a column.
        """
        runs = read_cells(study, folder)
        path = folder / "samples.parquet"
        with reading_table(path):
            samples = pl.read_parquet(path, columns=["model", "dataset", "key", *SampleRow.__struct_fields__])
        return cls(
            study=study,
            runs=runs,
            stages=read_stages(folder, runs.all),
            layers=read_layers(folder, runs.all),
            roofline=read_roofline(folder, runs.all),
            drift=read_drift(folder),
            samples=Samples(samples),
            batch_times=_batch_times(samples, runs.all),
        )


def _batch_times(samples: pl.DataFrame, rows: Iterable[RunRow]) -> dict[RunKey, Times]:
    """The times behind the runs' latencies, batch by batch, with the samples of each batch."""
    drifts = {row.place: row.repeats_drift for row in rows}
    run = ["model", "dataset", "key"]
    table = (
        samples.lazy()
        .filter(pl.col("batch_full") | ~pl.col("batch_full").any().over(run))
        .group_by(*run, "batch", maintain_order=True)
        .agg(pl.col("id"), pl.col("batch_generate_s").first())
        .group_by(run, maintain_order=True)
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
