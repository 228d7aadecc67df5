"""Records to tables: one row a run, a sample, a stage, a layer, as Parquet and CSV.

Records are read in chunks, each written to a small Arrow file, and the files streamed together: memory stays
flat however many records there are, and chunks can be read by several processes.
"""

from __future__ import annotations

import gc
import itertools
import tempfile
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import polars as pl

from vlm_profiling.cost.functions import CostError, ModelCost, read_cost
from vlm_profiling.record.breakdown import LayerTime, StageTime
from vlm_profiling.record.files import RecordError, atomic_path
from vlm_profiling.record.schema import Batch, RunRecord, Sample
from vlm_profiling.staleness.judge import CurrentInputs
from vlm_profiling.study import Run
from vlm_profiling.tables.columns import optional_columns, repeat_rows, section_columns
from vlm_profiling.tables.files import TABLES
from vlm_profiling.tables.identity import identity_columns
from vlm_profiling.tables.read_records import RunOutcome, read_runs
from vlm_profiling.tables.token_counts import RunWork, run_work

CHUNK = 1000
"""Records decoded at once: some tens of megabytes."""

POOL_FROM = 5000
"""Records from which processes of their own pay for their start."""

PROCESSES = 2


def merge_runs(
    runs: Sequence[Run],
    records: Path,
    costs: Mapping[str, ModelCost],
    output: Path,
    current: CurrentInputs | None = None,
) -> Counter[str]:
    """Write the tables of `files.TABLES` (Parquet and CSV) to `output`; returns how many runs have each
    status.

    `costs` are the models' cost functions by model name; `current` decides which records are stale
    (read_records.read_runs).
    """
    with tempfile.TemporaryDirectory(prefix="merge-") as folder:
        merge_chunks = partial(_merge_chunks, runs, records, costs, current, Path(folder))
        chunks = [slice(start, start + CHUNK) for start in range(0, len(runs), CHUNK)]
        if len(runs) < POOL_FROM:
            counts = merge_chunks(chunks)
        else:
            # Records hold no cycles, but the collector would walk all of them again and again: without it
            # decoding takes half the time.
            with ProcessPoolExecutor(
                PROCESSES, mp_context=get_context("spawn"), initializer=gc.disable
            ) as pool:
                counts = sum(
                    pool.map(merge_chunks, [chunks[first::PROCESSES] for first in range(PROCESSES)]),
                    Counter(),
                )
        with ThreadPoolExecutor(PROCESSES) as pool:
            joins = [pool.submit(_join_chunks, Path(folder, table), output / table) for table in TABLES]
            for join in joins:
                join.result()
    return counts


def read_costs(folder: Path, models: Iterable[str]) -> dict[str, ModelCost]:
    """The cost functions of the models that have a file of them. Raises RecordError for a malformed one."""
    costs = {}
    for model in models:
        path = folder / f"{model}.json"
        if path.is_file():
            try:
                costs[model] = read_cost(path)
            except CostError as error:
                raise RecordError(str(error)) from None
    return costs


def _merge_chunks(
    runs: Sequence[Run],
    records: Path,
    costs: Mapping[str, ModelCost],
    current: CurrentInputs | None,
    folder: Path,
    chunks: Iterable[slice],
) -> Counter[str]:
    """Write the tables of some chunks of the runs, each as an Arrow file numbered by its first run."""
    counts: Counter[str] = Counter()
    for chunk in chunks:
        counts += _merge_chunk(
            read_runs(records, runs[chunk], current), costs, folder, f"{chunk.start:09}.arrow"
        )
    return counts


def _merge_chunk(
    read: Iterable[RunOutcome], costs: Mapping[str, ModelCost], folder: Path, file: str
) -> Counter[str]:
    """Write the tables of one chunk. Its records are gone before those of the next are read."""
    readings = list(read)
    tables = {
        "runs": runs_table(readings, costs),
        "samples": samples_table(readings),
        "stages": stages_table(readings),
        "layers": layers_table(readings),
    }
    for name, table in tables.items():
        path = folder / name / file
        path.parent.mkdir(exist_ok=True)
        table.write_ipc(path, compression="lz4")
    return Counter(reading.status for reading in readings)


def _join_chunks(folder: Path, target: Path) -> None:
    """Stream a folder of chunks into one Parquet and one CSV file at `target`, a path without ending."""
    table = pl.scan_ipc(sorted(folder.iterdir()))
    with atomic_path(target.with_suffix(".parquet")) as path:
        table.sink_parquet(path)
    with atomic_path(target.with_suffix(".csv")) as path:
        table.sink_csv(path)


def runs_table(readings: Sequence[RunOutcome], costs: Mapping[str, ModelCost]) -> pl.DataFrame:
    """One row a run: its identity, its status, and every figure of its record."""
    records = [reading.record for reading in readings]
    works = [
        run_work(record, costs.get(record.model)) if record and record.status == "ok" else None
        for record in records
    ]
    return pl.DataFrame(
        [
            *identity_columns([reading.run for reading in readings]),
            pl.Series("axes", [",".join(reading.run.axes) for reading in readings], pl.String),
            pl.Series("state", [reading.state for reading in readings], pl.String),
            pl.Series("status", [reading.status for reading in readings], pl.String),
            pl.Series("reason", [reading.reason for reading in readings], pl.String),
            pl.Series("gpus", [reading.run.spec.gpus for reading in readings], pl.Int64),
            *optional_columns(works, RunWork),
            *optional_columns(records, RunRecord),
        ]
    )


def samples_table(readings: Sequence[RunOutcome]) -> pl.DataFrame:
    """One row a sample of every run that has samples, with the sizes and times of the batch it was in."""
    measured = [(reading.run, reading.record) for reading in readings if reading.record]
    samples = [sample for _, record in measured for sample in record.samples]
    row_of_run = [row for row, (_, record) in enumerate(measured) for _ in record.samples]
    batches = [batch for _, record in measured for batch in record.batches]
    first_batch = list(itertools.accumulate((len(record.batches) for _, record in measured), initial=0))
    row_of_batch = [first_batch[row] + sample.batch for row, sample in zip(row_of_run, samples, strict=True)]
    return pl.DataFrame(
        [
            *repeat_rows(identity_columns([run for run, _ in measured]), row_of_run),
            *section_columns(samples, Sample),
            *repeat_rows(section_columns(batches, Batch, "batch_"), row_of_batch),
        ]
    )


def stages_table(readings: Sequence[RunOutcome]) -> pl.DataFrame:
    """One row a stage of every run that has stages. What holds for all of them is in the run's row."""
    measured = [
        (reading.run, reading.record.stages)
        for reading in readings
        if reading.record and reading.record.stages
    ]
    row_of_run = [row for row, (_, stages) in enumerate(measured) for _ in stages.times]
    return pl.DataFrame(
        [
            *repeat_rows(identity_columns([run for run, _ in measured]), row_of_run),
            pl.Series("stage", [stage for _, stages in measured for stage in stages.times], pl.String),
            *section_columns([stage for _, stages in measured for stage in stages.times.values()], StageTime),
        ]
    )


def layers_table(readings: Sequence[RunOutcome]) -> pl.DataFrame:
    """One row a kind of layer in a stage of every run that has layers. What holds for all of them is in
    the run's row.
    """
    measured = [
        (reading.run, reading.record.layers)
        for reading in readings
        if reading.record and reading.record.layers
    ]
    row_of_run = [row for row, (_, layers) in enumerate(measured) for _ in layers.layers]
    return pl.DataFrame(
        [
            *repeat_rows(identity_columns([run for run, _ in measured]), row_of_run),
            *section_columns([layer for _, layers in measured for layer in layers.layers], LayerTime),
        ]
    )
