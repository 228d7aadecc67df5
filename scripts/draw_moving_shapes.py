#!/usr/bin/env python3
"""Draw the clips that the project ships: a coloured shape that moves, with questions, as a folder that a
study can name.

scripts/draw_moving_shapes.py --output datasets/moving-shapes
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from vlm_profiling.datasets.moving_shapes import CLIPS, draw_moving_shapes


def main() -> int:
    """Draw and tell."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--output", type=Path, required=True, metavar="FOLDER", help="where clips and samples.json go"
    )
    options = parser.parse_args()
    samples = draw_moving_shapes(options.output)
    print(f"{options.output}: {CLIPS} clips, {samples} questions")
    return 0


if __name__ == "__main__":
    sys.exit(main())
