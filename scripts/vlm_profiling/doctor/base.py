"""What a check answers, and how programs of the machine are asked."""

from __future__ import annotations

import subprocess
from typing import Literal, NamedTuple

Verdict = Literal["ok", "warn", "missing", "-"]
TIMEOUT_S = 20


class Check(NamedTuple):
    """One thing of the machine.

    warn: the study runs, but a figure suffers or a run may fail; missing: the study needs it; "-": not there,
    not needed.
    """

    verdict: Verdict
    name: str
    found: str
    repair: str = ""
    """What to do; empty where there is nothing to do."""


def ask(*command: str) -> tuple[bool, str]:
    """Whether a program ended well in time, and what it printed; what it complained of where it did not."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S)
    except (OSError, subprocess.SubprocessError) as error:
        return False, f"{command[0]}: {type(error).__name__}"
    if done.returncode != 0:
        return False, (done.stderr.strip() or f"exit status {done.returncode}").splitlines()[0]
    return True, done.stdout.strip()
