"""One run against another, batch by batch where both ran the same samples in the same batches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from scipy.stats import bootstrap

from vlm_profiling.report.cells import Cell, Place
from vlm_profiling.report.figures import Absent, Entry, Figure

RESAMPLES = 5000
SEED = 0


@dataclass(frozen=True)
class BatchTimes:
    """generate() of the batches that a run's latency is the mean of, s, and which samples each batch held."""

    seconds: tuple[float, ...]
    samples: tuple[tuple[str, ...], ...]


def read_batch_times(tables: Path, cells: Sequence[Cell]) -> dict[Place, BatchTimes]:
    """The batch times behind cells' latencies: full batches, or the partial one of a run that has no other."""
    run = ["model", "dataset", "key"]
    table = (
        pl.scan_parquet(tables / "samples.parquet")
        .filter(pl.col("key").is_in({cell.key for cell in cells}))
        .filter(pl.col("batch_full") | ~pl.col("batch_full").any().over(run))
        .group_by(*run, "batch", maintain_order=True)
        .agg(pl.col("id"), pl.col("batch_generate_s").first())
        .group_by(run, maintain_order=True)
        .agg("batch_generate_s", "id")
        .collect()
    )
    return {
        (model, dataset, key): BatchTimes(tuple(seconds), tuple(map(tuple, samples)))
        for model, dataset, key, seconds, samples in table.iter_rows()
    }


def latency_ratio(times: BatchTimes, original: BatchTimes) -> Figure:
    """Mean latency over the original's, with its 95 % percentile bootstrap interval over batches (seeded).

    Paired where both runs had the same samples in the same batches: what made a batch slow in both then cancels.
    """
    n = min(len(times.seconds), len(original.seconds))
    ratio = float(np.mean(times.seconds) / np.mean(original.seconds))
    if n < 2:
        return Figure(ratio, n=n)
    interval = bootstrap(
        (times.seconds, original.seconds),
        lambda new, old, axis: np.mean(new, axis=axis) / np.mean(old, axis=axis),
        n_resamples=RESAMPLES,
        paired=times.samples == original.samples,
        method="percentile",
        rng=np.random.default_rng(SEED),
    ).confidence_interval
    return Figure(ratio, (float(interval.low), float(interval.high)), n)


def latency_ratios(cells: Sequence[Cell], times: Mapping[Place, BatchTimes]) -> list[Entry]:
    """Each cell's latency relative to the first cell's, which is 1 of itself; absent where either has none."""
    original = cells[0]
    ratios: list[Entry] = [_of_itself(original.latency)]
    for cell in cells[1:]:
        if isinstance(cell.latency, Absent):
            ratios.append(cell.latency)
        elif isinstance(original.latency, Absent):
            ratios.append(Absent(f"nothing to compare with: the first value is {original.status}"))
        else:
            ratios.append(latency_ratio(times[cell.place], times[original.place]))
    return ratios


def figure_ratios(entries: Sequence[Entry]) -> list[Entry]:
    """Each figure relative to the first, which is 1 of itself; absent where either has none.

    The interval is the widest that both intervals allow, none where either lacks one.
    """
    original = entries[0]
    ratios = [_of_itself(original)]
    for entry in entries[1:]:
        if isinstance(entry, Absent):
            ratios.append(entry)
        elif isinstance(original, Absent):
            ratios.append(Absent("nothing to compare with: the first value has no figure"))
        elif entry.interval and original.interval:
            bounds = (entry.interval[0] / original.interval[1], entry.interval[1] / original.interval[0])
            ratios.append(Figure(entry.value / original.value, bounds))
        else:
            ratios.append(Figure(entry.value / original.value))
    return ratios


def _of_itself(entry: Entry) -> Entry:
    return entry if isinstance(entry, Absent) else Figure(1.0)
