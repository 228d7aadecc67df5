#!/usr/bin/env python3
"""How long, and with how much memory, a study's records become tables.

    benchmarks/merge.py --records 100000

Writes synthetic records of about 10 KB to separate files, and merges a tenth, a half and all of them by
scripts/merge_runs.py, whole command, warm file cache. Linear means that the time a record stays the same.

Beside each merge, one process only decodes the same files into lists of values, one list a field, and writes
nothing: the ratio of the two says what the tables cost on a machine of any speed.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from multiprocessing import get_context
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(PROJECT / "scripts"), str(PROJECT / "tests")]

import msgspec  # noqa: E402
from factories import identity_of, make_cost, make_record  # noqa: E402

from vlm_profiling.record.files import decode_record  # noqa: E402
from vlm_profiling.report.description import read_description  # noqa: E402
from vlm_profiling.study.point import Point  # noqa: E402

MODELS = 10
SAMPLES, BATCH = 4, 2
KINDS = 50
"""Different records; all others differ from one of these in their identity."""


def main() -> None:
    """Write the records, merge them, print one line for each number of them."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--records", type=int, default=100_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        titles = (
            f"{'records':>8} {'KB each':>8} {'seconds':>8} {'CPU seconds':>12} "
            f"{'us a record':>12} {'peak MB':>8}"
        )
        print(f"{titles} {'decode s':>9} {'ratio':>6}")
        for records in (options.records // 10, options.records // 2, options.records):
            size_bytes = write_study(folder, records)
            seconds, cpu_s, peak_bytes = merge(folder)
            times = f"{seconds:>8.1f} {cpu_s:>12.1f} {1e6 * seconds / records:>12.0f}"
            decode_s = only_decode(folder)
            beside = f"{peak_bytes / 1e6:>8.0f} {decode_s:>9.1f} {seconds / decode_s:>6.2f}"
            print(f"{records:>8} {size_bytes / records / 1e3:>8.1f} {times} {beside}", flush=True)


def write_study(folder: Path, records: int) -> int:
    """A product of two axes with `records` cells, and a record for each that has none yet; returns their
    bytes.
    """
    settings = study_settings(records)
    (folder / "study.json").write_text(json.dumps({"study": settings, "environment": "benchmark"}))
    for model in settings["models"]:
        cost = folder / "costs" / f"{model}.json"
        cost.parent.mkdir(exist_ok=True)
        cost.write_bytes(msgspec.json.encode(make_cost(model)))
    point = Point(device="cpu", optimization="fp32", batch_size=BATCH)
    kinds = [make_record(samples=SAMPLES, point=point, seed=seed, layers=None) for seed in range(KINDS)]
    size_bytes = 0
    for number, run in enumerate(read_description(folder / "study.json")[1]):
        path = folder / "runs" / f"{run.name}.json"
        if not path.exists():
            record = msgspec.structs.replace(kinds[number % KINDS], **identity_of(run))
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(msgspec.json.format(msgspec.json.encode(record), indent=1))
        size_bytes += path.stat().st_size
    os.sync()  # or the merge would wait for these files when it makes its own safe
    return size_bytes


def study_settings(records: int) -> dict[str, Any]:
    """Models x batch sizes x image sizes, and nothing else."""
    image_sizes = records // MODELS // 100
    return {
        "name": "benchmark",
        "models": {f"model-{number}": {"tiny": "llava"} for number in range(MODELS)},
        "datasets": {"shapes": {"package": "easy-vqa"}},
        "optimizations": {"fp32": {"dtype": "float32"}},
        "baseline": {"device": "cpu", "optimization": "fp32", "image_size": 100},
        "grid": "product",
        "axes": {
            "batch_size": {"values": list(range(1, 101))},
            "image_size": {"values": list(range(100, 100 + image_sizes))},
        },
    }


def merge(folder: Path) -> tuple[float, float, int]:
    """Seconds of the whole command, CPU seconds, and the peak of the resident memory of its processes
    together, bytes.
    """
    options = ["--study", "study.json", "--runs", "runs", "--costs", "costs", "--output", "tables"]
    command = [sys.executable, str(PROJECT / "scripts" / "merge_runs.py"), *options]
    started, cpu_before_s, peak_bytes = time.perf_counter(), children_cpu_s(), 0
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL)
    while process.poll() is None:
        peak_bytes = max(peak_bytes, sum(map(resident_bytes, process_tree(process.pid))))
        time.sleep(0.05)
    if process.returncode:
        sys.exit("the merge failed")
    return time.perf_counter() - started, children_cpu_s() - cpu_before_s, peak_bytes


def only_decode(folder: Path) -> float:
    """Seconds in which a process of its own reads and decodes the study's records into lists of values."""
    with get_context("spawn").Pool(1) as pool:
        return pool.apply(_decode_columns, [folder])


def _decode_columns(folder: Path) -> float:
    paths = [folder / "runs" / f"{run.name}.json" for run in read_description(folder / "study.json")[1]]
    columns: defaultdict[tuple[type, str], list[Any]] = defaultdict(list)
    gc.disable()  # as the merge does
    started = time.perf_counter()
    for path in paths:
        _append_values(decode_record(path.read_bytes()), columns)
    return time.perf_counter() - started


def _append_values(section: msgspec.Struct, columns: defaultdict[tuple[type, str], list[Any]]) -> None:
    kind = type(section)
    for name, value in zip(kind.__struct_fields__, msgspec.structs.astuple(section), strict=True):
        if isinstance(value, msgspec.Struct):
            _append_values(value, columns)
        elif isinstance(value, list) and value and isinstance(value[0], msgspec.Struct):
            for row in value:
                _append_values(row, columns)
        else:
            columns[kind, name].append(value)


def children_cpu_s() -> float:
    """CPU time of all ended processes below this one: what a shared machine does not stretch as it stretches
    seconds.
    """
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def process_tree(pid: int) -> Iterator[int]:
    """A process and all below it."""
    yield pid
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return
    for child in children:
        yield from process_tree(int(child))


def resident_bytes(pid: int) -> int:
    """Resident set of a process, shared pages counted in each; 0 once it has ended."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096
    except OSError:
        return 0


if __name__ == "__main__":
    main()
