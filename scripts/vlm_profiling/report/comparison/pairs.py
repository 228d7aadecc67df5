"""One run against another, batch by batch where both ran the same samples in the same batches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import polars as pl

from vlm_profiling.metrics.estimate import Entry, Estimate, marked_like
from vlm_profiling.record.absent import Absent
from vlm_profiling.statistics.compare import Times, compare
from vlm_profiling.tables.identity import RunKey
from vlm_profiling.tables.row import RunRow


def read_batch_times(tables: Path, cells: Sequence[RunRow]) -> dict[RunKey, Times]:
    """The batch times behind cells' latencies: full batches, or the partial one of a run that has no other."""
    drifts = {cell.place: cell.repeats_drift for cell in cells}
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
        (model, dataset, key): Times(
            tuple(seconds), tuple(map(tuple, samples)), drifts.get((model, dataset, key))
        )
        for model, dataset, key, seconds, samples in table.iter_rows()
    }


def latency_ratio(times: Times, original: Times) -> Estimate:
    """Mean latency over the original's, with its sampling interval and the verdict, which hears the runs'
    noise, too.
    """
    comparison = compare(times, original)
    interval = comparison.interval and comparison.interval.bounds
    return Estimate(
        comparison.ratio, interval, min(len(times.seconds), len(original.seconds)), verdict=comparison.verdict
    )


def latency_ratios(cells: Sequence[RunRow], times: Mapping[RunKey, Times]) -> list[Entry]:
    """Each cell's latency relative to the first cell's, which is 1 of itself; absent where either has none."""
    original = cells[0]
    ratios: list[Entry] = [_of_itself(original.estimate("generate_s"))]
    for cell in cells[1:]:
        if isinstance(cell.estimate("generate_s"), Absent):
            ratios.append(cell.estimate("generate_s"))
        elif isinstance(original.estimate("generate_s"), Absent):
            ratios.append(
                Absent(f"nothing to compare with: the first value is {original.status or 'absent'}")
            )
        else:
            ratios.append(latency_ratio(times[cell.place], times[original.place]))
    return ratios


def marked_latency_ratios(cells: Sequence[RunRow], times: Mapping[RunKey, Times]) -> list[Entry]:
    """The same, marked where an audit failed for either latency."""
    ratios = zip(cells, latency_ratios(cells, times), strict=True)
    return [
        marked_like(ratio, (cell.estimate("generate_s"), cells[0].estimate("generate_s")))
        for cell, ratio in ratios
    ]


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
            ratios.append(Estimate(entry.value / original.value, bounds))
        else:
            ratios.append(Estimate(entry.value / original.value))
    return ratios


def _of_itself(entry: Entry) -> Entry:
    return entry if isinstance(entry, Absent) else Estimate(1.0)
