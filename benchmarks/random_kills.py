#!/usr/bin/env python3
"""What random kills cost a study: finished records lost, cells measured twice, files half written. All are
promised to be none.

    .venv/bin/python benchmarks/random_kills.py [--kills 100] [--seed 1]

A small study is started and killed (kill -9) at a random moment, again and again, until it is finished; then
the next one. Killed are by chance Snakemake with all its jobs, Snakemake alone (its job goes on beside the
next start), or one job alone: data set, checkpoint, ceiling, cost, runs, tables, audits, charts or pages,
whatever is at work. Records are watched all the while, every file is read after every kill, and the tables at
the end are compared with those of a study left alone.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(PROJECT / "scripts"), str(PROJECT / "tests")]

from kills import kill_studies  # noqa: E402
from small_project import Project, new_project  # noqa: E402


def main() -> int:
    """Kill, account, print; exit status 1 when anything was lost."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        new = new_project(Path(name, "new"))
        undisturbed = Project(Path(name, "undisturbed"))
        shutil.copytree(new.folder, undisturbed.folder)
        started = time.monotonic()
        undisturbed.run()
        within_s = (time.monotonic() - started) / 3
        account = kill_studies(new, undisturbed, Path(name), options.kills, options.seed, within_s=within_s)
    print(f"{account.kills} kills, {account.studies} studies; at work were:")
    for what, times in account.hits.most_common():
        print(f"    {times:4}  {what}")
    for what, found in {
        "finished records lost": account.lost,
        "cells measured twice": account.measured_twice,
        "files half written": account.half_written,
        "columns of the tables that differ from a study left alone": account.different,
        "temporary files left behind": account.left_behind,
    }.items():
        print(f"{what}: {len(found)}{''.join(f' [{item}]' for item in found[:5])}")
    return 1 if account.failures else 0


if __name__ == "__main__":
    sys.exit(main())
