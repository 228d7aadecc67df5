"""The study that a command is about."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path

from vlm_profiling.workflow import StudyWorkflow, open_workflow

PROJECT = Path(__file__).resolve().parents[3]


def add_study_argument(parser: ArgumentParser) -> None:
    """The study's file as the positional argument."""
    parser.add_argument(
        "config", type=Path, nargs="?", default=Path("config.yaml"), help="by default config.yaml"
    )


def open_study(options: Namespace) -> StudyWorkflow:
    """The study that the command line names. Raises ConfigError naming every problem."""
    return open_workflow([options.config], PROJECT)
