"""The answer of a check, and how programs of the machine are asked."""

from __future__ import annotations

import subprocess
from typing import Literal, NamedTuple

Verdict = Literal["ok", "warn", "missing", "-"]
TIMEOUT_S = 20


class MachineCheck(NamedTuple):
    """One thing of the machine.

    warn: the study runs, but a figure suffers or a run may fail; missing: the study needs it; "-": not there,
    not needed.
    """

    verdict: Verdict
    name: str
    found: str
    repair: str = ""
    """What to do; empty where there is nothing to do."""


def ok(name: str, found: str) -> MachineCheck:
    """A thing that is as the study needs it."""
    return MachineCheck("ok", name, found)


def warn(name: str, found: str, repair: str = "") -> MachineCheck:
    """A thing that spoils a figure, or may make a run fail."""
    return MachineCheck("warn", name, found, repair)


def missing(name: str, found: str, repair: str) -> MachineCheck:
    """A thing that the study cannot do without."""
    return MachineCheck("missing", name, found, repair)


def not_needed(name: str, found: str) -> MachineCheck:
    """A thing that is not there, and that the study does not need."""
    return MachineCheck("-", name, found)


def ask(*command: str) -> tuple[bool, str]:
    """Whether a program ended well in time, and its output; where it did not, its first line of errors."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S)
    except (OSError, subprocess.SubprocessError) as error:
        return False, f"{command[0]}: {type(error).__name__}"
    if done.returncode != 0:
        return False, (done.stderr.strip() or f"exit status {done.returncode}").splitlines()[0]
    return True, done.stdout.strip()
