#!/usr/bin/env python3
"""Print the runs of a study: where each stands in the grid, and whether it is done, stale or missing.

show_grid.py [config.yaml] [--state missing]
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from pathlib import Path

from vlm_profiling.report.readings import read_runs
from vlm_profiling.report.staleness import read_present, stale_because
from vlm_profiling.study import ConfigError
from vlm_profiling.study.digest import code_digest
from vlm_profiling.workflow import open_workflow

SCRIPTS = Path(__file__).resolve().parent
STATES = ("done", "stale", "missing", "malformed", "foreign")


def main() -> int:
    """Read the study and its records, print the table and the counts."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("config", type=Path, nargs="?", default=Path("config.yaml"), help="by default config.yaml")
    parser.add_argument("--state", choices=STATES, help="only the runs in this state")
    options = parser.parse_args()
    try:
        rows = grid_rows(options.config)
    except ConfigError as error:
        print(f"show_grid: {error}", file=sys.stderr)
        return 2
    shown = [row for row in rows if options.state in (None, row[4])]
    print_table([("model", "dataset", "point", "axes", "state", ""), *shown])
    counts = Counter(row[4] for row in rows)
    print(f"{len(rows)} cells: {', '.join(f'{counts[state]} {state}' for state in STATES if counts[state])}")
    return 0


def grid_rows(config: Path) -> list[tuple[str, str, str, str, str, str]]:
    """One row a run: model, data set, point, axes, state, and the status or the reason."""
    workflow = open_workflow([config], SCRIPTS.parent)
    code = code_digest(SCRIPTS / "profile_run.py", SCRIPTS / "vlm_profiling")["sha256"]
    present = read_present(workflow.study, code)
    rows = []
    for reading in read_runs(Path(workflow.study.results, "runs"), workflow.runs.values()):
        state, note = reading.state, reading.reason or ""
        if reading.record:
            because = stale_because(reading.record, present)
            state, note = ("stale", because) if because else ("done", reading.record.status)
        run = reading.run
        rows.append((run.model, run.dataset, run.point.label, ",".join(run.axes), state, note))
    return rows


def print_table(rows: list[tuple[str, ...]]) -> None:
    """Columns as wide as their longest entry; the last one as it is."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]) - 1)]
    for row in rows:
        cells = [text.ljust(width) for text, width in zip(row[:-1], widths, strict=True)]
        print("  ".join([*cells, row[-1]]).rstrip())


if __name__ == "__main__":
    try:
        sys.exit(main())
    except BrokenPipeError:
        sys.exit(0)
