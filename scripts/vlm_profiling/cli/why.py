"""Print of every run of a study whether its record is current, and what changed where it is not.

    vlm.py why [config.yaml] [--all] [--json]

Current runs are only counted, unless --all. A missing run is compared with the record that its model, data
set and point had under other settings, if there is one. Needs only the results folder: works in a fresh clone
with copied results.
"""

from __future__ import annotations

import json
from argparse import ArgumentParser, Namespace
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from msgspec import structs

from vlm_profiling.cli.study import add_study_argument, open_study
from vlm_profiling.report.terminal import print_table
from vlm_profiling.staleness.current import prepared_by_other_code, read_provenance
from vlm_profiling.staleness.explain import ExplainedRun, explain_runs, orphans
from vlm_profiling.workflow import StudyWorkflow


def add_arguments(parser: ArgumentParser) -> None:
    """The study, and what to print."""
    add_study_argument(parser)
    parser.add_argument("--all", action="store_true", help="print current runs too")
    parser.add_argument("--json", action="store_true", help="print all runs as one JSON list")


def run(options: Namespace) -> None:
    """Print the runs with their changes, and what follows for the next start."""
    workflow = open_study(options)
    runs = explain_runs(Path(workflow.study.results, "runs"), workflow.runs, read_provenance(workflow))
    if options.json:
        print(json.dumps([as_mapping(explained) for explained in runs], indent=1))
        return
    rows = [row for one in runs if options.all or one.state != "current" for row in table_rows(one)]
    if rows:
        print_table([("state", "run", "what changed"), *rows])
    print("\n".join(summary_lines(workflow, runs)))


def table_rows(explained: ExplainedRun) -> Iterator[tuple[str, str, str]]:
    """A run's rows of the table: one a change, and one for its note."""
    said = [*map(str, explained.changes), *([explained.note] if explained.note else [])] or [""]
    yield explained.state, explained.run.name, said[0]
    yield from (("", "", more) for more in said[1:])


def summary_lines(workflow: StudyWorkflow, runs: Sequence[ExplainedRun]) -> Iterator[str]:
    """The number of runs in each state, of each cause, and what the next start will do about it."""
    states = Counter(explained.state for explained in runs)
    yield f"{len(runs)} runs: {', '.join(f'{number} {state}' for state, number in states.items())}"
    causes = Counter(change.what for explained in runs for change in explained.changes)
    for what, number in causes.most_common():
        yield f"{number:>6} because of {what}"
    if broken := states["foreign"] + states["malformed"]:
        yield (
            f"{broken} files are not the records of their runs, and Snakemake does not know: remove them to"
            " measure again"
        )
    if anew := ", ".join(prepared_by_other_code(workflow)):
        yield (
            f"the code that prepares {anew} changed: Snakemake will prepare them anew, and then measure their"
            " runs"
        )
    if left := orphans(Path(workflow.study.results, "runs"), workflow.runs):
        yield f"{len(left)} records that no run asks for: `make prune` lists and removes them after asking"


def as_mapping(explained: ExplainedRun) -> dict[str, Any]:
    """A run for other programs."""
    run = explained.run
    return {
        "run": run.name,
        "model": run.model,
        "dataset": run.dataset,
        "point": structs.asdict(run.point),
        "state": explained.state,
        "changes": [asdict(change) for change in explained.changes],
        "note": explained.note,
    }
