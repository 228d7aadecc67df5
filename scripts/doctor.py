#!/usr/bin/env python3
"""Check whether this machine can do a study: packages or container, driver, SLURM, disk, hub cache, meters; say how to mend each.

    doctor.py [config.yaml]

Exit status 1 when something that the study needs is missing.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
MARKS = {"ok": "ok", "warn": "WARN", "fail": "FAIL", "none": "-"}


def main() -> int:
    """Look, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("config", type=Path, nargs="?", default=Path("config.yaml"), help="by default config.yaml")
    options = parser.parse_args()

    from vlm_profiling.measure.doctor import examine
    from vlm_profiling.study import ConfigError
    from vlm_profiling.workflow import open_workflow

    try:
        workflow = open_workflow([options.config], PROJECT)
    except ConfigError as error:
        print(f"doctor: {error}", file=sys.stderr)
        return 2
    study = workflow.study
    checks = examine(
        needs_gpu="cuda" in workflow.devices,
        hardware=study.hardware,
        container=study.container,
        lock=PROJECT / workflow.lock,
        results=Path(study.results),
    )
    failed = False
    for check in checks:
        failed |= check.verdict == "fail"
        print(f"{MARKS[check.verdict]:<6}{check.name:<20}{check.found}")
        if check.mend:
            print(f"{'':<26}-> {check.mend}")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
