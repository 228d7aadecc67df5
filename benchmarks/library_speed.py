#!/usr/bin/env python3
"""The processor time of what runs between measurements: settings, digests, statistics, scores, costs, help.

    .venv/bin/python benchmarks/library_speed.py

Prints the quickest of three tries of each beside its aim: what shares the processor can only add to it.
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import processor_time

PROJECT = Path(__file__).resolve().parents[1]
SCRIPTS = PROJECT / "scripts"
sys.path[:0] = [str(SCRIPTS), str(PROJECT / "tests")]

import msgspec  # noqa: E402
import numpy as np  # noqa: E402
import yaml  # noqa: E402
from factories import make_cost, make_record  # noqa: E402

from vlm_profiling.cost.evaluate import record_flops  # noqa: E402
from vlm_profiling.quality.score import score  # noqa: E402
from vlm_profiling.record.schema import RunRecord  # noqa: E402
from vlm_profiling.staleness.code_digest import code_digest  # noqa: E402
from vlm_profiling.statistics.intervals import mean_interval  # noqa: E402
from vlm_profiling.study import expand_runs, study_from_mapping  # noqa: E402

RECORDS, SAMPLES = 100, 300


def main() -> None:
    """Time each piece of work, print a line for each."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.parse_args()
    os.chdir(PROJECT)
    draw = random.Random(0)
    settings = yaml.safe_load((PROJECT / "profiles/tiny/study.yaml").read_text())
    settings["axes"] = {"batch_size": {"values": list(range(1, 2501))}}
    cells = len(expand_runs(study_from_mapping(settings)))
    latencies_s = np.random.default_rng(0).lognormal(mean=-1.0, sigma=0.3, size=SAMPLES)
    answers = ["a cat that sits on a red mat in the sun"] * SAMPLES
    references = [["a dog that lies on the mat"]] * SAMPLES
    records, cost = [make_record(samples=40, seed=draw.randrange(1000)) for _ in range(RECORDS)], make_cost()
    contents = [msgspec.json.encode(record) for record in records]
    scripts = sorted(SCRIPTS.glob("*.py"))

    print(f"{'work':<44}{'processor s':>12}  aim")
    tell(
        f"expand a study of {cells} cells", lambda: expand_runs(study_from_mapping(settings)), "0.1 ms a cell"
    )
    tell(
        f"digest the code of {len(scripts)} scripts",
        lambda: [code_digest(script, SCRIPTS / "vlm_profiling") for script in scripts],
        "3 s",
    )
    tell(f"interval of {SAMPLES} batches", lambda: mean_interval(latencies_s), "0.2 s")
    tell(f"score {SAMPLES} answers", lambda: score(answers, references, random_weights=False), "0.3 s")
    tell(
        f"read {RECORDS} records of 40 samples",
        lambda: [msgspec.json.decode(content, type=RunRecord) for content in contents],
        "",
    )
    tell("their FLOPs", lambda: [record_flops(record, cost) for record in records], "less than reading them")
    for script in scripts:
        command = [sys.executable, str(script), "--help"]
        tell(
            f"{script.name} --help",
            lambda command=command: subprocess.run(command, capture_output=True),
            "2 s",
        )


def tell(what: str, work: Callable[[], object], aim: str) -> None:
    """Print the processor time of a piece of work."""
    print(f"{what:<44}{processor_time.processor_s(work):>12.3f}  {aim}", flush=True)


if __name__ == "__main__":
    main()
