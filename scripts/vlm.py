#!/usr/bin/env python3
"""The project's commands for people. They read the study's file and its results folder.

grid     print the runs of a study: current, stale or missing, and the memory each will need
why      print what changed of every run that is stale or missing
prune    list the results that no run of the study asks for, and remove them after asking
doctor   check whether this machine can do a study, and say how to repair what is missing
audit    print what the audits of a study's finished runs found
compare  compare two results folders, or two optimizations of one
export   write results in other tools' formats: LaTeX, vLLM, MLPerf

`vlm.py COMMAND --help` lists a command's options. Exit status: 0; 1 where the command cannot be done; 2 for a
wrong command line; 3 where `doctor` or `compare --fail-on` found something.
"""

from __future__ import annotations

from argparse import REMAINDER, ArgumentParser, Namespace
from importlib import import_module

from vlm_profiling.errors import main

COMMANDS = ("grid", "why", "prune", "doctor", "audit", "compare", "export")


def add_arguments(parser: ArgumentParser) -> None:
    """The command, and everything after it."""
    parser.add_argument("command", choices=COMMANDS)
    parser.add_argument("arguments", nargs=REMAINDER, help="the command's own arguments")


def run_command(options: Namespace) -> None:
    """Run the command; only its own libraries are imported."""
    command = import_module(f"vlm_profiling.cli.{options.command}")
    name = f"vlm.py {options.command}"
    main(command.run, command.add_arguments, command.__doc__, name=name, arguments=options.arguments)


if __name__ == "__main__":
    main(run_command, add_arguments, __doc__)
