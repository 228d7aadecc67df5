"""List what is in a study's results folder and belongs to no run of it any more, and remove it after asking.

    vlm.py prune [config.yaml] [--yes]

Records with their traces and logs, and what was prepared for models and data sets that the study no longer
has. Records that a run asks for are never touched. Fails while a workflow is at work in the folder.
"""

from __future__ import annotations

import shutil
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from pathlib import Path

from vlm_profiling.cli.study import add_study_argument, open_study
from vlm_profiling.record.file_lock import hold_lock
from vlm_profiling.recovery import SET_ASIDE
from vlm_profiling.report.terminal import print_table
from vlm_profiling.staleness.current import read_provenance
from vlm_profiling.staleness.explain import explain_orphans
from vlm_profiling.workflow import StudyWorkflow


def add_arguments(parser: ArgumentParser) -> None:
    """The study, and whether to ask."""
    add_study_argument(parser)
    parser.add_argument("--yes", action="store_true", help="remove without asking")


def run(options: Namespace) -> None:
    """List, ask, remove, while no workflow can start."""
    workflow = open_study(options)
    with hold_lock(Path(workflow.study.results, ".lock")):
        prune(workflow, without_asking=options.yes)


def prune(workflow: StudyWorkflow, *, without_asking: bool) -> None:
    """List leftovers with their sizes and reasons, and remove them if asked to."""
    found = dict(leftovers(workflow))
    sizes = {path: size_bytes(path) for path in found}
    if found:
        print_table(
            [("bytes", "path", "why"), *((f"{sizes[path]:,}", str(path), why) for path, why in found.items())]
        )
    total_mb = sum(sizes.values()) / 1e6
    print(f"{len(found)} files and folders belong to no run of {workflow.study.name}: {total_mb:.1f} MB")
    if found and (without_asking or agreed()):
        for path in found:
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
        print("removed")


def leftovers(workflow: StudyWorkflow) -> Iterator[tuple[Path, str]]:
    """Whatever the study's settings no longer account for, and why."""
    results = Path(workflow.study.results)
    for record, why in explain_orphans(results / "runs", workflow.runs, read_provenance(workflow)):
        name = record.relative_to(results / "runs").with_suffix("")
        same_run = (record.with_suffix(".trace.json.gz"), results / "logs/profile_run" / f"{name}.log")
        yield record, why
        yield from ((path, "of that record") for path in same_run if path.exists())
    for path in sorted((results / "runs").rglob(f"*{SET_ASIDE}")):
        yield path, "was in a record's place and is none"
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
