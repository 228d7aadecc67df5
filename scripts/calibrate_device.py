#!/usr/bin/env python3
"""Measure once what a machine's device reaches: matrix products, copying and reading memory, launching
operations.

    scripts/calibrate_device.py --device cpu
    scripts/calibrate_device.py --device cuda --lock envs/measure.lock --output results/ceilings/cuda.json

Without --output the ceilings are only printed. Takes about 10 s. Nothing else should use the device
meanwhile: in a workflow the rule holds it as a run does.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path

from vlm_profiling.errors import main
from vlm_profiling.large_imports import large_imports


def add_arguments(parser: ArgumentParser) -> None:
    """The device, the lock that it is compared with, the file to write."""
    parser.add_argument("--device", choices=["cuda", "cpu"], required=True)
    parser.add_argument("--lock", type=Path, help="lock of the environment, compared with what is installed")
    parser.add_argument("--output", type=Path, help="JSON file to write")


def calibrate_device(options: Namespace) -> None:
    """Measure the ceilings, write them, print them as a table."""
    with large_imports():
        from vlm_profiling.cost.roofline.ceilings import ceilings_table, write_ceilings
        from vlm_profiling.measure.calibrate import calibrate

    ceilings = calibrate(options.device, options.lock)
    if options.output is not None:
        write_ceilings(options.output, ceilings)
    print(ceilings_table(ceilings))


if __name__ == "__main__":
    main(calibrate_device, add_arguments, __doc__)
