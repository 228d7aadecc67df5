#!/usr/bin/env python3
"""List what lies in a study's results folder and belongs to no cell of it any more, and remove it after
asking.

    prune_results.py [config.yaml] [--yes]

Records with their traces and logs, and what was prepared for models and data sets that the study no longer
has. Records that a cell asks for are never touched. Exit status 2 when a workflow is at work in the folder.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from vlm_profiling.measure.environment.requirements_lock import LockError
from vlm_profiling.record.file_lock import LockedError, hold_lock
from vlm_profiling.repair import SET_ASIDE
from vlm_profiling.report.terminal import print_table
from vlm_profiling.staleness.changes import explain_orphans
from vlm_profiling.staleness.code_digest import DigestError
from vlm_profiling.study import ConfigError
from vlm_profiling.workflow import StudyWorkflow, open_workflow

PROJECT = Path(__file__).resolve().parents[1]


def main() -> int:
    """List, ask, remove."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "config", type=Path, nargs="?", default=Path("config.yaml"), help="by default config.yaml"
    )
    parser.add_argument("--yes", action="store_true", help="remove without asking")
    options = parser.parse_args()
    try:
        workflow = open_workflow([options.config], PROJECT)
        with hold_lock(Path(workflow.study.results, ".lock")):
            prune(workflow, without_asking=options.yes)
    except (ConfigError, DigestError, LockError, LockedError, OSError) as error:
        print(f"prune_results: {error}", file=sys.stderr)
        return 2
    return 0


def prune(workflow: StudyWorkflow, *, without_asking: bool) -> None:
    """List leftovers with their sizes and reasons, and remove them if told so."""
    found = dict(leftovers(workflow))
    sizes = {path: size_bytes(path) for path in found}
    if found:
        print_table(
            [("bytes", "path", "why"), *((f"{sizes[path]:,}", str(path), why) for path, why in found.items())]
        )
    print(
        f"{len(found)} files and folders belong to no cell of {workflow.study.name}: {sum(sizes.values()) / 1e6:.1f} MB"
    )
    if found and (without_asking or agreed()):
        for path in found:
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
        print("removed")


def leftovers(workflow: StudyWorkflow) -> Iterator[tuple[Path, str]]:
    """Whatever the study's settings no longer account for, and why."""
    from vlm_profiling.staleness.sources import read_ingredients

    results = Path(workflow.study.results)
    for record, why in explain_orphans(results / "runs", workflow.runs, read_ingredients(workflow)):
        name = record.relative_to(results / "runs").with_suffix("")
        beside = (record.with_suffix(".trace.json.gz"), results / "logs/profile_run" / f"{name}.log")
        yield record, why
        yield from ((path, "of that record") for path in beside if path.exists())
    for path in sorted((results / "runs").rglob(f"*{SET_ASIDE}")):
        yield path, "lay in a record's place and was none"
    models, datasets = workflow.study.models, workflow.study.datasets
    for folder, names, what in (
        ("checkpoints", models, "model"),
        ("costs", models, "model"),
        ("sources/checkpoints", models, "model"),
        ("logs/prepare_checkpoint", models, "model"),
        ("logs/count_cost", models, "model"),
        ("datasets", datasets, "data set"),
        ("sources/datasets", datasets, "data set"),
        ("logs/prepare_dataset", datasets, "data set"),
    ):
        for path in sorted((results / folder).glob("*")):
            if path.name.removesuffix(".json").removesuffix(".log").removesuffix(".seen") not in names:
                yield path, f"the study has no such {what}"


def size_bytes(path: Path) -> int:
    """Of a file, or of all files in a folder."""
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(file.lstat().st_size for file in files if file.is_file())


def agreed() -> bool:
    """Whether the person says yes; no answer is no."""
    try:
        return input("Remove them? [y/N] ").strip().lower() in ("y", "yes")
    except EOFError:
        return False


if __name__ == "__main__":
    sys.exit(main())
