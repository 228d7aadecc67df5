#!/usr/bin/env python3
"""What the stages and layers passes cost: their generate() time against the headline's, on the same prepared
batch.

Passes of a few batches are interleaved, in alternating order, and compared as pairs. Prints for each tiny
checkpoint the median ratios with their 95 % bootstrap intervals, and the sum of a batch's stages over the
headline's end to end. The aims: stages <= 1.02, the sum within 2 % of 1; what marking every layer costs is
printed only.

    .venv/bin/python benchmarks/stage_overhead.py [--architecture llava] [--pairs 60]
"""

from __future__ import annotations

import argparse

from tiny_pairs import tiny_session


def main() -> None:
    """Build each tiny checkpoint, run the pairs, print the ratios."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--architecture", nargs="*", help="tiny architectures; all six by default")
    parser.add_argument("--pairs", type=int, default=60)
    options = parser.parse_args()

    from vlm_profiling.measure.overhead import Pairs, layer_pairs, median_ratio, stage_pairs
    from vlm_profiling.measure.passes.headline import no_long_collections
    from vlm_profiling.models.tiny import TINY_ARCHITECTURES

    def with_interval(pairs: Pairs) -> str:
        ratio, (low, high) = median_ratio(pairs)
        return f"{ratio:.4f} [{low:.4f}, {high:.4f}]"

    print(
        f"{'tiny checkpoint':<18}{'stages / headline':>26}{'sum of stages / headline':>28}{'layers / headline':>26}"
    )
    for architecture in options.architecture or TINY_ARCHITECTURES:
        session, batch = tiny_session(architecture)
        with no_long_collections():
            figures = [
                *stage_pairs(session, batch, options.pairs),
                layer_pairs(session, batch, options.pairs // 4),
            ]
        print(f"{architecture:<18}{''.join(f'{with_interval(pairs):>27}' for pairs in figures)}", flush=True)


if __name__ == "__main__":
    main()
