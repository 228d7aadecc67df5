#!/usr/bin/env python3
"""Print the runs of a study: where each stands in the grid, whether it is done, stale or missing, and the
memory it will need.

show_grid.py [config.yaml] [--state missing]
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from vlm_profiling.record.files import RecordError
from vlm_profiling.report.terminal import print_table
from vlm_profiling.staleness.judge import read_present
from vlm_profiling.study import ConfigError, Run
from vlm_profiling.tables.forecast import Forecast, forecaster
from vlm_profiling.tables.read_records import read_runs
from vlm_profiling.tables.write import read_costs
from vlm_profiling.workflow import MEASURING, open_workflow

SCRIPTS = Path(__file__).resolve().parent
STATES = ("done", "stale", "missing", "malformed", "foreign")


def main() -> int:
    """Read the study and its records, print the table and the counts."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "config", type=Path, nargs="?", default=Path("config.yaml"), help="by default config.yaml"
    )
    parser.add_argument("--state", choices=STATES, help="only the runs in this state")
    options = parser.parse_args()
    try:
        rows = grid_rows(options.config)
    except (ConfigError, RecordError) as error:
        print(f"show_grid: {error}", file=sys.stderr)
        return 2
    shown = [row.cells for row in rows if options.state in (None, row.state)]
    print_table([("model", "dataset", "point", "axes", "memory", "state", ""), *shown])
    counts = Counter(row.state for row in rows)
    print(f"{len(rows)} cells: {', '.join(f'{counts[state]} {state}' for state in STATES if counts[state])}")
    print("\n".join(memory_lines(rows)))
    return 0


class Row(NamedTuple):
    """A run, its state, the status or the reason of it, and the memory it will need."""

    run: Run
    state: str
    note: str
    forecast: Forecast

    @property
    def cells(self) -> tuple[str, ...]:
        """Its line of the table."""
        run = self.run
        return (
            run.model,
            run.dataset,
            run.point.label,
            ",".join(run.axes),
            str(self.forecast),
            self.state,
            self.note,
        )


def grid_rows(config: Path) -> list[Row]:
    """One row a run, in the order of the grid."""
    workflow = open_workflow([config], SCRIPTS.parent)
    results = Path(workflow.study.results)
    code = workflow.code_digest(MEASURING)["sha256"]
    present = read_present(workflow.study, code)
    forecast = forecaster(workflow.study, read_costs(results / "costs", workflow.study.models))
    rows = []
    for reading in read_runs(results / "runs", workflow.runs.values(), present):
        done = reading.state == "current"
        state, note = ("done", reading.status) if done else (reading.state, reading.reason or "")
        rows.append(Row(reading.run, state, note, forecast(reading.run)))
    return rows


def memory_lines(rows: Sequence[Row]) -> Iterator[str]:
    """How many runs are predicted not to fit, and of how many nothing is known, by reason."""
    known = [row for row in rows if row.forecast.peak_bytes is not None]
    if known:
        limited = sum(row.forecast.device_bytes is not None for row in known)
        over = sum(not row.forecast.fits for row in known)
        yield f"memory: {over} of {limited} cells predicted out of memory; texts' tokens are estimated, so are GPU overheads"
        if limited < len(known):
            yield f"memory: {len(known) - limited} cells have no limit to fit in; device_memory_gib sets it"
    for reason, count in Counter(row.forecast.absent for row in rows if row.forecast.absent).items():
        yield f"memory: {count} cells not predicted: {reason}"


if __name__ == "__main__":
    try:
        sys.exit(main())
    except BrokenPipeError:
        sys.exit(0)
