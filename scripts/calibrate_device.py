#!/usr/bin/env python3
"""Measure once what a machine's device reaches: matrix products, copying and reading memory, launching
operations.

    scripts/calibrate_device.py --device cpu
    scripts/calibrate_device.py --device cuda --lock envs/measure.lock --output results/ceilings/cuda.json

Without --output the ceilings are only printed. Takes about 10 s. Nothing else should use the device
meanwhile: in a workflow the rule holds it as a run does. Exit status 2 when there is no such device or the
lock cannot be read.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from vlm_profiling.large_imports import large_imports


def main() -> int:
    """Parse, measure, write, tell."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--device", choices=["cuda", "cpu"], required=True)
    parser.add_argument("--lock", type=Path, help="lock of the environment, compared with what is installed")
    parser.add_argument("--output", type=Path, help="JSON file to write")
    options = parser.parse_args()

    with large_imports():
        from vlm_profiling.cost.roofline.ceilings import ceilings_table, write_ceilings
        from vlm_profiling.measure.calibrate import calibrate
        from vlm_profiling.measure.outcomes import BROKEN

    try:
        ceilings = calibrate(options.device, options.lock)
    except (*BROKEN, OSError) as error:
        print(f"calibrate_device: {error}", file=sys.stderr)
        return 2
    if options.output is not None:
        write_ceilings(options.output, ceilings)
    print(ceilings_table(ceilings))
    return 0


if __name__ == "__main__":
    sys.exit(main())
