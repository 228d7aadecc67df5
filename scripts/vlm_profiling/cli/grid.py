"""Print the runs of a study: the place of each in the grid, whether its record is current, stale or missing,
and the memory it will need.

    vlm.py grid [config.yaml] [--state missing]
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from vlm_profiling.cli.study import add_study_argument, open_study
from vlm_profiling.cost.memory.forecast import Forecast, forecaster
from vlm_profiling.report.terminal import print_table
from vlm_profiling.staleness.current import current_inputs
from vlm_profiling.tables.read_records import RunOutcome, read_runs
from vlm_profiling.tables.write import read_costs
from vlm_profiling.workflow import StudyWorkflow

STATES = ("current", "stale", "missing", "malformed", "foreign")


class GridRow(NamedTuple):
    """A run, its state, and the memory it will need."""

    outcome: RunOutcome
    forecast: Forecast

    @property
    def columns(self) -> tuple[str, ...]:
        """The row as text; of a current record the last column is its status, of others the reason."""
        run, outcome = self.outcome.run, self.outcome
        note = outcome.status if outcome.state == "current" else outcome.reason or ""
        axes, memory = ",".join(run.axes), str(self.forecast)
        return run.model, run.dataset, run.point.label, axes, memory, outcome.state, note


def add_arguments(parser: ArgumentParser) -> None:
    """The study, and the state to print."""
    add_study_argument(parser)
    parser.add_argument("--state", choices=STATES, help="only the runs in this state")


def run(options: Namespace) -> None:
    """Print the table, the number of runs in each state, and what is known of memory."""
    rows = grid_rows(open_study(options))
    shown = [row.columns for row in rows if options.state in (None, row.outcome.state)]
    print_table([("model", "dataset", "point", "axes", "memory", "state", ""), *shown])
    counts = Counter(row.outcome.state for row in rows)
    print(f"{len(rows)} runs: {', '.join(f'{counts[state]} {state}' for state in STATES if counts[state])}")
    print("\n".join(memory_lines(rows)))


def grid_rows(workflow: StudyWorkflow) -> list[GridRow]:
    """One row a run, in the order of the grid."""
    results = Path(workflow.study.results)
    forecast = forecaster(workflow.study, read_costs(results / "costs", workflow.study.models))
    outcomes = read_runs(results / "runs", workflow.runs.values(), current_inputs(workflow))
    return [GridRow(outcome, forecast(outcome.run)) for outcome in outcomes]


def memory_lines(rows: Sequence[GridRow]) -> Iterator[str]:
    """The number of runs predicted not to fit, and of those without a prediction, by reason."""
    forecasts = [row.forecast for row in rows]
    known = [forecast for forecast in forecasts if forecast.peak_bytes is not None]
    if known:
        limited = sum(forecast.device_bytes is not None for forecast in known)
        over = sum(not forecast.fits for forecast in known)
        yield (
            f"memory: {over} of {limited} runs predicted out of memory; the tokens of texts and the overhead"
            " of a GPU are estimates"
        )
        if limited < len(known):
            yield f"memory: {len(known) - limited} runs have no limit to fit in; device_memory_gib sets it"
    for reason, count in Counter(forecast.absent for forecast in forecasts if forecast.absent).items():
        yield f"memory: {count} runs not predicted: {reason}"
