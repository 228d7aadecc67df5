#!/usr/bin/env python3
"""Check whether this machine can do a study, and say of each thing that is missing how to mend it.

    doctor.py [config.yaml]

Looks at Python and its packages, containers, GPUs and their meters, SLURM, disk, the hub's cache, RAPL and
the load by others. Exit status 1 when something is missing that the study needs; a warning is none.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
COLUMNS = "{:<9}{:<22}{}"


def main() -> int:
    """Look, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "config", type=Path, nargs="?", default=Path("config.yaml"), help="by default config.yaml"
    )
    options = parser.parse_args()

    from vlm_profiling.doctor.examine import examine
    from vlm_profiling.study import ConfigError
    from vlm_profiling.workflow import open_workflow

    try:
        workflow = open_workflow([options.config], PROJECT)
    except (ConfigError, OSError) as error:
        print(f"doctor: {error}", file=sys.stderr)
        return 2
    verdicts = set()
    for check in examine(workflow):
        verdicts.add(check.verdict)
        print(COLUMNS.format(check.verdict, check.name, check.found), flush=True)
        if check.mend:
            print(COLUMNS.format("", "", f"-> {check.mend}"))
    return int("missing" in verdicts)


if __name__ == "__main__":
    sys.exit(main())
