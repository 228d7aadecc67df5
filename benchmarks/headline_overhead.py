#!/usr/bin/env python3
"""What the headline pass costs: its generate() time against a bare model.generate loop over the same prepared
inputs.

The two are interleaved batch by batch, in alternating order, and compared as pairs, so that what else the
machine does falls on both. Prints the median ratio with its 95 % bootstrap interval; the aim is <= 1.01.

    .venv/bin/python benchmarks/headline_overhead.py [--architecture llava] [--pairs 200]
"""

from __future__ import annotations

import argparse
from statistics import median

from tiny_pairs import tiny_session


def main() -> None:
    """Build a tiny checkpoint, run the pairs, print the ratio."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--architecture", nargs="*", help="tiny architectures; all six by default")
    parser.add_argument("--pairs", type=int, default=200)
    options = parser.parse_args()

    from vlm_profiling.measure.overhead import headline_pairs, median_ratio
    from vlm_profiling.models.tiny import TINY_ARCHITECTURES

    print(
        f"{'tiny checkpoint':<18}{'headline / bare':>16}{'95 % interval':>18}{'pairs':>8}{'ms a batch':>12}"
    )
    for architecture in options.architecture or TINY_ARCHITECTURES:
        pairs = headline_pairs(*tiny_session(architecture), options.pairs)
        ratio, (low, high) = median_ratio(pairs)
        bare_ms = 1e3 * median(bare_s for bare_s, _ in pairs)
        print(
            f"{architecture:<18}{ratio:>16.4f}{f'[{low:.4f}, {high:.4f}]':>18}{len(pairs):>8}{bare_ms:>12.2f}"
        )


if __name__ == "__main__":
    main()
