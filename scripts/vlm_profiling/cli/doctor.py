"""Check whether this machine can do a study, and say of each thing that is missing how to repair it.

    vlm.py doctor [config.yaml]

Checks Python and its packages, containers, GPUs and their meters, SLURM, disk, the hub's cache, RAPL and the
load by other processes. Exit status 3 when something is missing that the study needs; a warning is none.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from vlm_profiling.cli.study import add_study_argument, open_study
from vlm_profiling.doctor.examine import examine
from vlm_profiling.errors import FOUND

COLUMNS = "{:<9}{:<22}{}"


def add_arguments(parser: ArgumentParser) -> None:
    """The study."""
    add_study_argument(parser)


def run(options: Namespace) -> int:
    """Print each check as soon as it is made."""
    verdicts = set()
    for check in examine(open_study(options)):
        verdicts.add(check.verdict)
        print(COLUMNS.format(check.verdict, check.name, check.found), flush=True)
        if check.repair:
            print(COLUMNS.format("", "", f"-> {check.repair}"))
    return FOUND if "missing" in verdicts else 0
