#!/usr/bin/env python3
"""What a container costs: starting one, a whole cell inside against outside, and whether the measured latency
is the same.

    .venv/bin/python benchmarks/container_overhead.py --image containers/cpu.sif [--rounds 5]

Prints three lines: seconds that `apptainer exec` adds to a program that does nothing (aim <= 1.5 s), seconds
of a whole cell inside and outside, and the ratio of the medians of its headline latency with the spread of
the rounds. Rounds inside and outside alternate. The image needs this lock's versions, or the cells differ in
more than the container.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from PIL import Image

PROJECT = Path(__file__).resolve().parents[1]
MODEL = "checkpoints/tiny-llava-easy-vqa"
SAMPLES, BATCH = 64, 4


def main() -> None:
    """Alternate, compare, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--image", type=Path, required=True)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    enter = [
        "apptainer",
        "--quiet",
        "exec",
        "--cleanenv",
        "--env",
        "OMP_NUM_THREADS=1",
        "--home",
        str(PROJECT),
    ]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        enter += ["--bind", name, str(options.image.resolve())]
        write_samples(folder / "samples")
        added = [timed([*enter, "true"]) - timed(["true"]) for _ in range(options.rounds)]
        walls: dict[str, list[float]] = {"inside": [], "outside": []}
        latencies: dict[str, list[float]] = {"inside": [], "outside": []}
        for number in range(options.rounds):
            for place in ("inside", "outside"):
                record = folder / f"{place}-{number}.json"
                prefix = enter if place == "inside" else [sys.executable]
                walls[place].append(timed([*prefix, *cell(folder / "samples", record)]))
                latencies[place].append(statistics.median(headline(record)))
    print(f"apptainer exec adds {statistics.median(added):.2f} s to a program that does nothing")
    print(
        f"a cell takes {statistics.median(walls['inside']):.1f} s inside, "
        f"{statistics.median(walls['outside']):.1f} s outside"
    )
    inside, outside = latencies["inside"], latencies["outside"]
    ratio = statistics.median(inside) / statistics.median(outside)
    spread = max(max(values) / min(values) for values in (inside, outside))
    print(
        f"latency inside / outside {ratio:.3f}; the same place differs by up to {spread:.3f} between rounds"
    )


def write_samples(folder: Path) -> None:
    """Plain images with a question each, in the reference study's format."""
    folder.mkdir()
    entries = []
    for number in range(SAMPLES):
        Image.new("RGB", (64, 64), (number * 3, 100, 200)).save(folder / f"{number}.png")
        entries.append({"image_path": f"{number}.png", "request": "what color is this?", "response": "blue"})
    (folder / "samples.json").write_text(json.dumps(entries))


def cell(samples: Path, output: Path) -> list[str]:
    """The command line of one run on its own."""
    options = [
        "--src_folder",
        str(samples),
        "--model_name",
        MODEL,
        "--device",
        "cpu",
        "--optimization",
        "fp32",
        "--cached",
    ]
    return ["scripts/profile_run.py", *options, "--batch_size", str(BATCH), "--output", str(output)]


def headline(record: Path) -> list[float]:
    """Seconds of generation of each batch."""
    return [batch["generate_s"] for batch in json.loads(record.read_text())["batches"]]


def timed(command: list[str]) -> float:
    """Wall seconds of a command that must succeed."""
    started = time.perf_counter()
    variables = {**os.environ, "OMP_NUM_THREADS": "1"}
    subprocess.run(command, cwd=PROJECT, check=True, stdout=subprocess.DEVNULL, env=variables)
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
