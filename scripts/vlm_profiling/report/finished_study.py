"""What the scripts that judge finished runs are given: a study, its records, what was counted and what was
calibrated.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from vlm_profiling.cost.functions import ModelCost
from vlm_profiling.cost.roofline.ceilings import Ceilings, read_ceilings
from vlm_profiling.record.schema import RunRecord
from vlm_profiling.report.description import read_description
from vlm_profiling.study import Run, Runs, Study
from vlm_profiling.tables.read_records import finished_runs
from vlm_profiling.tables.write import read_costs


@dataclass(frozen=True)
class FinishedStudy:
    """A study with all that its finished runs are judged by."""

    study: Study
    runs: Runs
    finished: Callable[[Iterable[Run]], Iterator[tuple[Run, RunRecord]]]
    """Reads those runs that have figures, with their records."""
    costs: Mapping[str, ModelCost]
    """By model name."""
    ceilings: Mapping[str, Ceilings]
    """By device."""


def add_finished_study_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of such a script: study, runs, costs, ceilings and output."""
    parser.add_argument("--study", type=Path, required=True, help="JSON file with the study's settings")
    parser.add_argument("--runs", type=Path, required=True, help="folder of the records")
    parser.add_argument("--costs", type=Path, required=True, help="folder of the models' cost functions")
    parser.add_argument(
        "--ceilings", type=Path, required=True, help="folder of the devices' measured ceilings"
    )
    parser.add_argument("--output", type=Path, required=True, help="folder for the table")


def read_finished_study(options: argparse.Namespace) -> FinishedStudy:
    """What the options name. Raises ConfigError or RecordError for a study, a cost file or ceilings that
    cannot be read.
    """
    study, runs = read_description(options.study)
    costs, ceilings = read_costs(options.costs, study.models), read_ceilings(options.ceilings)
    return FinishedStudy(study, runs, partial(finished_runs, options.runs), costs, ceilings)
