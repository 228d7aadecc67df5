#!/usr/bin/env python3
"""Say of every cell of a study whether its record still holds, and what changed where it does not.

    explain_staleness.py [config.yaml] [--all] [--json]

Current cells are only counted, unless --all. A missing cell is compared with the record that its model, data
set and point had under other settings, if there is one. Needs only the results folder: works in a fresh clone
with copied results.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from vlm_profiling.measure.environment.requirements_lock import LockError
from vlm_profiling.report.terminal import print_table
from vlm_profiling.staleness.changes import CellChanges, count_states, explain_cells, orphans
from vlm_profiling.staleness.code_digest import DigestError
from vlm_profiling.study import ConfigError
from vlm_profiling.workflow import open_workflow

SCRIPTS = Path(__file__).resolve().parent


def main() -> int:
    """Compare, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "config", type=Path, nargs="?", default=Path("config.yaml"), help="by default config.yaml"
    )
    parser.add_argument("--all", action="store_true", help="print current cells too")
    parser.add_argument("--json", action="store_true", help="print all cells as one JSON list")
    options = parser.parse_args()
    from vlm_profiling.staleness.sources import prepared_by_other_code, read_ingredients

    try:
        workflow = open_workflow([options.config], SCRIPTS.parent)
        now = read_ingredients(workflow)
    except (ConfigError, DigestError, LockError, OSError) as error:
        print(f"explain_staleness: {error}", file=sys.stderr)
        return 2
    folder = Path(workflow.study.results, "runs")
    cells = explain_cells(folder, workflow.runs, now)
    if options.json:
        print(json.dumps([as_mapping(cell) for cell in cells], indent=1))
        return 0
    shown = [line for cell in cells if options.all or cell.state != "current" for line in lines(cell)]
    if shown:
        print_table([("state", "cell", "what changed"), *shown])
    print(
        f"{len(cells)} cells: {', '.join(f'{number} {state}' for state, number in count_states(cells).items())}"
    )
    for what, number in Counter(change.what for cell in cells for change in cell.changes).most_common():
        print(f"{number:>6} because of {what}")
    if lost := [cell.run.name for cell in cells if cell.state in ("foreign", "malformed")]:
        print(
            f"{len(lost)} files are not the records of their cells, and Snakemake does not know: remove them to measure again"
        )
    if anew := list(prepared_by_other_code(workflow)):
        print(
            f"the code that prepares {', '.join(anew)} changed: Snakemake will prepare them anew, and then measure their runs"
        )
    if left := orphans(folder, workflow.runs):
        print(
            f"{len(left)} records that no cell asks for: `make prune` lists them, and removes them after asking"
        )
    return 0


def lines(cell: CellChanges) -> Iterator[tuple[str, str, str]]:
    """A cell's rows of the table: one a change, and one for what else there is to say."""
    said = [*map(str, cell.changes), *([cell.note] if cell.note else [])] or [""]
    yield cell.state, cell.run.name, said[0]
    yield from (("", "", more) for more in said[1:])


def as_mapping(cell: CellChanges) -> dict[str, Any]:
    """A cell for other programs."""
    run = cell.run
    place = {"cell": run.name, "model": run.model, "dataset": run.dataset, "point": run.point._asdict()}
    return {
        **place,
        "state": cell.state,
        "changes": [asdict(change) for change in cell.changes],
        "note": cell.note,
    }


if __name__ == "__main__":
    try:
        sys.exit(main())
    except BrokenPipeError:
        sys.exit(0)
