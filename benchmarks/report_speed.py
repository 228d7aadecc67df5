#!/usr/bin/env python3
"""How long charts and pages of a study of the reference size take, and how large the pages are.

    benchmarks/report_speed.py [--samples 300] [--keep FOLDER]

Writes a synthetic record for every cell of config.yaml, merges and audits them, then times draw_charts.py and
write_report.py, whole commands; where there is a Chromium, also how long the landing page takes to answer to
a reader, from asking for it to a table sorted by a click, and to all of its charts. `--keep` leaves the study
in a folder, to look at its pages.
"""

from __future__ import annotations

import argparse
import resource
import shutil
import subprocess
import sys
import tempfile
import time
import zlib
from pathlib import Path
from typing import Any

import yaml

PROJECT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(PROJECT / "scripts"), str(PROJECT / "tests"), str(PROJECT / "tests" / "site")]

from factories import identity_of, make_failed_record, make_record  # noqa: E402
from opened import open_page, seconds_to_a_sorted_table  # noqa: E402
from playwright.sync_api import sync_playwright  # noqa: E402
from study_folder import StudyFolder, write_study  # noqa: E402

from vlm_profiling.record.schema import RunRecord  # noqa: E402
from vlm_profiling.study import Run  # noqa: E402

OPENED = 7
"""Times that the landing page is opened."""
SPEED_S = (0.09, 0.06, 0.1, 0.21, 0.12, 0.07)
ACCURACY = (0.55, 0.4, 0.62, 0.48, 0.6, 0.78)
"""Made up: one model after the other, at batch size 1."""


def main() -> None:
    """Write the study, time both commands, print one line each."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--samples", type=int, default=300)
    parser.add_argument("--keep", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        study = write_reference_study(folder, options.samples)
        study.merge()
        print(f"{len(study.runs)} cells of {options.samples} samples each")
        for name, extra in (("draw_charts", []), ("write_report", ["--plots", folder / "plots"])):
            output = folder / ("plots" if name == "draw_charts" else "reports")
            command = [
                PROJECT / "scripts" / f"{name}.py",
                "--study",
                study.description,
                "--tables",
                folder / "tables",
                *extra,
            ]
            started, cpu_before_s = time.perf_counter(), children_cpu_s()
            subprocess.run(
                [sys.executable, *map(str, command), "--output", str(output)],
                check=True,
                stdout=subprocess.DEVNULL,
            )
            size_bytes = sum(path.stat().st_size for path in output.rglob("*") if path.is_file())
            seconds, cpu_s = time.perf_counter() - started, children_cpu_s() - cpu_before_s
            print(f"{name}: {seconds:.1f} s, {cpu_s:.1f} s of CPU, {size_bytes / 1e6:.2f} MB")
        tell_landing_page(folder / "reports" / "index.html")


def tell_landing_page(path: Path) -> None:
    """Print how soon the landing page can be used, the median of several new browser contexts."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if not chromium:
        print("landing page: not opened, no Chromium here")
        return
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        seconds_to_a_sorted_table(browser, path)  # the browser's own start is not the page's
        sorted_s = sorted(seconds_to_a_sorted_table(browser, path) for _ in range(OPENED))
        started = time.perf_counter()
        opened = open_page(browser, path)
        opened.draw_all()
        drawn_s = time.perf_counter() - started
        other = [url for url in opened.requests if not url.startswith(("file:", "data:"))]
        print(
            f"landing page: interactive in {sorted_s[OPENED // 2]:.2f} s ({sorted_s[0]:.2f} "
            f"to {sorted_s[-1]:.2f}, "
            f"n = {OPENED}), every chart drawn after {drawn_s:.2f} s; {len(opened.errors)} console errors, "
            f"{len(other)} network requests"
        )
        browser.close()


def children_cpu_s() -> float:
    """CPU time of all ended processes below this one: what a shared machine does not stretch as it stretches
    seconds.
    """
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def write_reference_study(folder: Path, samples: int) -> StudyFolder:
    """config.yaml's study with a record for every cell: made up, on a GPU, with energy and quality."""
    settings: dict[str, Any] = yaml.safe_load((PROJECT / "config.yaml").read_text(encoding="utf-8"))
    models = list(settings["models"])

    def answer(run: Run) -> RunRecord:
        place = models.index(run.model)
        if run.point.optimization == "flash-attention-2" and run.model.startswith("blip2"):
            return make_failed_record(
                "unsupported", "flash_attention_2 is not supported by this model", **identity_of(run)
            )
        if run.model == "fuyu-8b" and run.point.image_size == 448:
            return make_failed_record(
                "oom", "CUDA out of memory: tried to allocate 2.5 GiB", **identity_of(run)
            )
        batch, side = run.point.batch_size, run.point.image_size or 224
        seconds = (
            SPEED_S[place] * batch**0.45 * (side / 224) ** 0.6 * (30 if run.point.device == "cpu" else 1)
        )
        seed = zlib.crc32(run.key.encode())
        accuracy = min(0.95, ACCURACY[place] + (side - 224) / 3000)
        return make_record(
            samples=samples, generate_s=seconds, accuracy=accuracy, side=side, seed=seed, **identity_of(run)
        )

    return write_study(folder, settings, answer)


if __name__ == "__main__":
    main()
