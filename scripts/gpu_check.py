#!/usr/bin/env python3
"""Check on a GPU machine, within minutes, what was written for GPUs; needs Python, torch and transformers
there.

    scripts/gpu_check.py --wheels gpu-wheels --output results/gpu-check scripts/gpu_check.py --device cpu
    --minutes 2 scripts/gpu_check.py --parts tables --output results/gpu-check      # pages, where the whole
    project is installed

Writes records, facts, logs, summary.json and summary.md after each part (docs/gpu-check.md). A second call in
the same folder measures what is missing. Exit status 0 when every part asked for is done, 1 when one is not,
2 when there is no such device.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

PARTS = ("prepare", "device", "ceilings", "models", "again", "overhead", "tiny", "tables")
RESERVE_S = 15.0
"""Of the minutes given, kept for ending what runs and for the last summary."""


def main() -> int:
    """Parse, bring what is missing, run the parts."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--device", choices=["cuda", "cpu"], default="cuda")
    parser.add_argument(
        "--minutes", type=float, default=9.0, help="for all of it; parts that no time is left for are skipped"
    )
    parser.add_argument(
        "--parts", type=_parts, default=PARTS, help=f"comma-separated; by default all: {','.join(PARTS)}"
    )
    parser.add_argument(
        "--output", type=Path, default=Path("results/gpu-check"), help="folder for everything"
    )
    parser.add_argument(
        "--wheels", type=Path, help="folder of wheels for what this Python lacks, from `make gpu-wheels`"
    )
    options = parser.parse_args()
    deadline_s = time.monotonic() + 60 * options.minutes - RESERVE_S
    with tempfile.TemporaryDirectory() as packages:
        if options.wheels is not None:
            from vlm_profiling.gpu_check.wheels import WheelError, install_missing

            try:
                names = install_missing(options.wheels, Path(packages))
            except WheelError as error:
                print(f"gpu_check: {error}", file=sys.stderr)
                return 2
            print(f"from wheels: {', '.join(names) or 'nothing is missing here'}")
            sys.path.append(packages)
            os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [os.environ.get("PYTHONPATH"), packages]))
        return _check(options.device, options.parts, options.output, deadline_s)


def _check(device: str, parts: tuple[str, ...], output: Path, deadline_s: float) -> int:
    from vlm_profiling.gpu_check.check import NoDeviceError, run_check

    output.mkdir(parents=True, exist_ok=True)
    os.chdir(output)
    try:
        states = run_check(device, parts, deadline_s)
    except NoDeviceError as error:
        print(f"gpu_check: {error}", file=sys.stderr)
        return 2
    return 0 if all(states[part].state == "done" for part in parts) else 1


def _parts(text: str) -> tuple[str, ...]:
    """Parts in their order. Raises ArgumentTypeError for one that there is not."""
    names = text.split(",")
    unknown = sorted(set(names) - set(PARTS))
    if unknown:
        raise argparse.ArgumentTypeError(f"no such part: {', '.join(unknown)}; allowed: {', '.join(PARTS)}")
    return tuple(name for name in PARTS if name in names)


if __name__ == "__main__":
    sys.exit(main())
