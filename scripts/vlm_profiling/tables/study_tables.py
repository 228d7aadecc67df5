"""All cells of a study, found by where they stand in the grid."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import polars as pl

from vlm_profiling.study import Point, Study
from vlm_profiling.study.grid import axis_point
from vlm_profiling.tables.errors import reading_table
from vlm_profiling.tables.findings import Finding, read_findings
from vlm_profiling.tables.row import RunRow, run_rows


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
