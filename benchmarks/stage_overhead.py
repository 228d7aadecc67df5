#!/usr/bin/env python3
"""What the stages and layers passes cost: their generate() time against the headline's, on the same prepared batch.

Passes of a few batches are interleaved, in alternating order, and compared as pairs. Prints for each tiny checkpoint the
median ratios with their 95 % bootstrap intervals, and the sum of a batch's stages over the headline's end to end. The aims:
stages <= 1.02, the sum within 2 % of 1; what marking every layer costs is printed only.

    .venv/bin/python benchmarks/stage_overhead.py [--architecture llava] [--pairs 60]
"""

from __future__ import annotations

import argparse
import contextlib
import io

from tiny_pairs import median_ratio, timed_pairs, tiny_session

Pairs = list[tuple[float, float]]

BLOCK = 5
"""Batches of a pass: the marks are set once for all of them, as in a run."""


def main() -> None:
    """Build each tiny checkpoint, run the pairs, print the ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--architecture", nargs="*", help="tiny architectures; all six by default")
    parser.add_argument("--pairs", type=int, default=60)
    options = parser.parse_args()

    from vlm_profiling.checkpoints.tiny import TINY_ARCHITECTURES
    from vlm_profiling.measure.passes import no_long_collections

    print(f"{'tiny checkpoint':<18}{'stages / headline':>26}{'sum of stages / headline':>28}{'layers / headline':>26}")
    for architecture in options.architecture or TINY_ARCHITECTURES:
        with contextlib.redirect_stderr(io.StringIO()), no_long_collections():
            figures = measure(architecture, options.pairs)
        print(f"{architecture:<18}{''.join(f'{_with_interval(pairs):>27}' for pairs in figures)}", flush=True)


def measure(architecture: str, pairs: int) -> tuple[Pairs, Pairs, Pairs]:
    """Seconds of the headline beside those of the stages pass, of the sum of its stages, and of the layers pass."""
    from vlm_profiling.measure.layers import layers_pass
    from vlm_profiling.measure.passes import run_batch
    from vlm_profiling.measure.stages import marked_seconds, stages_pass

    session, batch = tiny_session(architecture)
    block = [batch] * BLOCK
    reference = [run_batch(session, batch).times] * BLOCK

    def generate_s() -> float:
        return sum(run_batch(session, batch).times.generate_s for batch in block)

    def end_to_end_s() -> float:
        return sum(run_batch(session, batch).times.end_to_end_s for batch in block)

    def stages_generate_s() -> float:
        return sum(marked_seconds(session, block))

    def stages_sum_s() -> float:
        return sum(map(sum, stages_pass(session, block, reference)[0].seconds.values()))

    def layers_generate_s() -> float:
        return layers_pass(session, block, reference).generate_s

    return (
        timed_pairs(generate_s, stages_generate_s, pairs),
        timed_pairs(end_to_end_s, stages_sum_s, pairs),
        timed_pairs(generate_s, layers_generate_s, pairs // 4),
    )


def _with_interval(pairs: Pairs) -> str:
    ratio, (low, high) = median_ratio(pairs)
    return f"{ratio:.4f} [{low:.4f}, {high:.4f}]"


if __name__ == "__main__":
    main()
