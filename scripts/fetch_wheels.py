#!/usr/bin/env python3
"""Fetch what a bare GPU machine lacks as wheels, for gpu_check.py --wheels: the lock's pins but for torch's
and transformers'.

scripts/fetch_wheels.py --python 3.12 --output gpu-wheels --without scipy polars polars-runtime-32
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

LOCK = Path(__file__).resolve().parents[1] / "envs" / "measure.lock"


def main() -> int:
    """Parse, fetch, tell."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--python", default="3.12", metavar="VERSION", help="of the machine; by default 3.12")
    parser.add_argument("--output", type=Path, default=Path("gpu-wheels"), help="folder for the wheels")
    parser.add_argument(
        "--without", nargs="*", default=[], metavar="NAME", help="what the machine has, or is not to get"
    )
    options = parser.parse_args()

    from vlm_profiling.gpu_check.wheels import WheelError, fetch_wheels

    try:
        pins = fetch_wheels(LOCK, options.output, python_version=options.python, without=options.without)
    except WheelError as error:
        print(f"fetch_wheels: {error}", file=sys.stderr)
        return 2
    print(f"{len(pins)} wheels in {options.output}: {', '.join(pins)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
