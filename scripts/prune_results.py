#!/usr/bin/env python3
"""List what lies in a study's results folder and belongs to no cell of it any more, and remove it after asking.

    prune_results.py [config.yaml] [--yes]

Records with their traces and logs, and what was prepared for models and data sets that the study no longer has.
Exit status 2 when a workflow is at work in the folder.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from vlm_profiling.record.locks import LockedError, hold_lock
from vlm_profiling.report.changes import orphans
from vlm_profiling.study import ConfigError
from vlm_profiling.workflow import StudyWorkflow, open_workflow

PROJECT = Path(__file__).resolve().parents[1]


def main() -> int:
    """List, ask, remove."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("config", type=Path, nargs="?", default=Path("config.yaml"), help="by default config.yaml")
    parser.add_argument("--yes", action="store_true", help="remove without asking")
    options = parser.parse_args()
    try:
        workflow = open_workflow([options.config], PROJECT)
        lock = hold_lock(Path(workflow.study.results, ".lock"))
    except (ConfigError, LockedError) as error:
        print(f"prune_results: {error}", file=sys.stderr)
        return 2
    with lock:
        found = list(leftovers(workflow))
        for path in found:
            print(path)
        print(f"{len(found)} files and folders belong to no cell of {options.config}; {sum(map(size_bytes, found)) / 1e6:.1f} MB")
        if found and (options.yes or agreed()):
            for path in found:
                shutil.rmtree(path) if path.is_dir() else path.unlink()
            print("removed")
    return 0


def leftovers(workflow: StudyWorkflow) -> Iterator[Path]:
    """Whatever the study's settings no longer account for."""
    results = Path(workflow.study.results)
    for record in orphans(results / "runs", workflow.runs):
        name = record.relative_to(results / "runs").with_suffix("")
        beside = (record, record.with_suffix(".trace.json.gz"), results / "logs/profile_run" / f"{name}.log")
        yield from (path for path in beside if path.exists())
    models, datasets = workflow.study.models, workflow.study.datasets
    for folder, names in (("checkpoints", models), ("costs", models), ("datasets", datasets)):
        if (results / folder).is_dir():
            yield from sorted(path for path in (results / folder).iterdir() if path.name.removesuffix(".json") not in names)


def size_bytes(path: Path) -> int:
    """Of a file, or of all files in a folder."""
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files if file.is_file())


def agreed() -> bool:
    """Whether the person says yes; no answer is no."""
    try:
        return input("Remove them? [y/N] ").strip().lower() in ("y", "yes")
    except EOFError:
        return False


if __name__ == "__main__":
    sys.exit(main())
