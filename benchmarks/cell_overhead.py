#!/usr/bin/env python3
"""What a tiny cell costs beside measuring: the whole process of profile_run.py, less the time inside its
passes.

    .venv/bin/python benchmarks/cell_overhead.py [--repeats 5]

Prints the medians of whole process, measuring (warm-up, headline, repeats and stages, by the record's own
figures) and their difference (aim: <= 5 s), and what importing torch and transformers alone takes.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(PROJECT / "scripts"), str(PROJECT / "tests")]
IMPORTS = "import torch; from transformers import AutoModelForImageTextToText, AutoProcessor"


def main() -> None:
    """Build a tiny checkpoint and four images, run the script again and again, print the medians."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()

    from measuring_time import measuring_s
    from small_project import draw_shapes

    from vlm_profiling.models.tiny import build_tiny_checkpoint
    from vlm_profiling.record.files import read_record

    rows = []
    with tempfile.TemporaryDirectory() as folder:
        draw_shapes(Path(folder, "shapes"))
        build_tiny_checkpoint("llava", Path(folder, "llava"))
        command = [
            sys.executable,
            str(PROJECT / "scripts" / "profile_run.py"),
            "--src_folder",
            "shapes",
            "--model_name",
            "llava",
        ]
        command += ["--device", "cpu", "--optimization", "fp32", "--cached", "--output", "record.json"]
        for _ in range(options.repeats):
            whole_s = timed(command, folder)
            inside_s = measuring_s(read_record(Path(folder, "record.json")))
            rows.append(
                (whole_s, inside_s, whole_s - inside_s, timed([sys.executable, "-c", IMPORTS], folder))
            )
    whole_s, inside_s, beside_s, import_s = (statistics.median(column) for column in zip(*rows, strict=True))
    print(
        f"whole process {whole_s:.2f} s, measuring {inside_s:.2f} s, beside it {beside_s:.2f} "
        f"s ({options.repeats} runs)"
    )
    print(f"importing torch and transformers alone: {import_s:.2f} s")


def timed(command: list[str], folder: str) -> float:
    """Seconds of a command, which must succeed."""
    started = time.perf_counter()
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
