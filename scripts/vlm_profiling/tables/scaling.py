"""How latency and energy of each model grow along an axis that is a quantity."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from scipy.special import ndtri

from vlm_profiling.metrics.estimate import Entry, Estimate, marked_like
from vlm_profiling.record.absent import Absent
from vlm_profiling.statistics.compare import Times
from vlm_profiling.statistics.scaling import Measurement, NoScalingError, ScalingFit, fit_scaling
from vlm_profiling.study.axes import AXES, Size
from vlm_profiling.tables.identity import RunKey
from vlm_profiling.tables.row import RunRow
from vlm_profiling.tables.study_tables import StudyRuns

QUANTILE = float(ndtri(0.975))


@dataclass(frozen=True)
class Growth:
    """One model's cells on one data set along an axis."""

    cells: Sequence[RunRow]
    fit: ScalingFit | Absent
    """Of latency per batch."""
    exponent: Entry
    """b of latency = a size^b."""
    marginal_latency: Entry
    """Seconds per unit more of one sample; of the batch size, per sample more."""
    marginal_energy: Entry
    """Joules per unit more of one sample; of the batch size, per sample more."""

    @property
    def model(self) -> str:
        """Its name."""
        return self.cells[0].model

    @property
    def dataset(self) -> str:
        """Its name."""
        return self.cells[0].dataset


def size_along(axis: str) -> Size:
    """What an axis makes more or less of. Raises ValueError for one that is no quantity."""
    size = AXES[axis].size
    if size is None:
        raise ValueError(f"{axis} is no quantity")
    return size


def size_of(cell: RunRow, axis: str) -> float | None:
    """How much of what the axis varies a run really had; null where that is in its record only, and it has no
    figures.
    """
    size = getattr(cell, size_along(axis).column)
    return None if size is None else float(size)


def growths(cells: StudyRuns, axis: str, times: Mapping[RunKey, Times]) -> dict[str, list[Growth]]:
    """By data set, one for each model that the axis was measured on. `times` are the batch times of all these
    cells.
    """
    found: dict[str, list[Growth]] = {}
    for model in cells.study.models:
        if model in (cells.study.axes[axis].models or cells.study.models):
            for line in cells.axis(model, axis):
                found.setdefault(line[0].dataset, []).append(grow(line, axis, times))
    return {dataset: found[dataset] for dataset in cells.study.datasets if dataset in found}


def grow(line: Sequence[RunRow], axis: str, times: Mapping[RunKey, Times]) -> Growth:
    """The fits through one line of the grid."""
    measured = [cell for cell in line if cell.ok]
    sized = [(cell, size) for cell in measured if (size := size_of(cell, axis))]
    if not sized:
        absent = Absent("no run has figures")
        return Growth(line, absent, absent, absent, absent)
    if len(sized) > 1 and len({size for _, size in sized}) == 1:
        absent = Absent(size_along(axis).fixed)
        return Growth(line, absent, absent, absent, absent)
    of_one = 1.0 if axis == "batch_size" else 1.0 / sized[0][0].batch_size
    latency = _fit([Measurement(size, times[cell.place].seconds, cell.repeats_drift) for cell, size in sized])
    marks = [cell.estimate("generate_s") for cell, _ in sized]
    if isinstance(latency, Absent):
        return Growth(line, latency, latency, latency, _energy(sized, axis))
    exponent = latency.exponent
    return Growth(
        line,
        latency,
        marked_like(Estimate(exponent.mean, exponent.bounds, latency.values), marks),
        marked_like(_scaled(latency, of_one), marks),
        _energy(sized, axis),
    )


def _energy(sized: Sequence[tuple[RunRow, float]], axis: str) -> Entry:
    """Joules a unit more. The meter's uncertainty (95 %) moves each run's joules as drift moves its time."""
    measurements, entries = [], []
    for cell, size in sized:
        entry = cell.estimate("energy_per_sample_j")
        if isinstance(entry, Absent):
            return entry
        joules = entry.value * (cell.batch_size if axis == "batch_size" else 1)
        uncertainty = (entry.bounds[1] - entry.value) / entry.value / QUANTILE
        measurements.append(Measurement(size, (joules, joules), max(uncertainty, cell.repeats_drift or 0.0)))
        entries.append(entry)
    fit = _fit(measurements)
    return fit if isinstance(fit, Absent) else marked_like(_scaled(fit, 1.0), entries)


def _fit(measurements: Sequence[Measurement]) -> ScalingFit | Absent:
    try:
        return fit_scaling(measurements)
    except NoScalingError as error:
        return Absent(str(error))


def _scaled(fit: ScalingFit, factor: float) -> Estimate:
    slope = fit.slope
    return Estimate(factor * slope.mean, (factor * slope.low, factor * slope.high), fit.values)
