#!/usr/bin/env python3
"""The overhead of the passes, on the same prepared batch: generate() of the headline pass over a bare
model.generate, of the stages and the layers pass over the headline's, and the sum of a batch's stages over
its end to end.

    .venv/bin/python benchmarks/pass_overhead.py [--architecture llava] [--pairs 200]
    .venv/bin/python benchmarks/pass_overhead.py --checkpoint MANIFEST --dataset MANIFEST --device cuda

Both sides are timed in turns, in alternating order, and compared as pairs, so that what else the machine does
falls on both. Prints medians of the pairs' ratios with 95 % bootstrap intervals. Aims: headline <= 1.01,
stages <= 1.02, the sum of stages within 2 % of 1; instrumenting every layer has no bound.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

import tiny_pairs  # first: it keeps torch on one thread

if TYPE_CHECKING:
    from vlm_profiling.measure.passes.headline import InputBatch, Session

RATIOS = ("headline / bare", "stages / headline", "sum of stages / end to end", "layers / headline")


def main() -> None:
    """Open each model, time the pairs, print the ratios."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--architecture", nargs="*", help="tiny architectures; all six by default")
    parser.add_argument(
        "--checkpoint", type=Path, help="manifest of a prepared checkpoint, instead of tiny ones"
    )
    parser.add_argument("--dataset", type=Path, help="manifest of a prepared data set, with --checkpoint")
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu", help="with --checkpoint")
    parser.add_argument("--dtype", default="float32", help="with --checkpoint")
    parser.add_argument("--pairs", type=int, default=200)
    parser.add_argument("--output", type=Path, help="write the ratios as JSON, too")
    options = parser.parse_args()

    from vlm_profiling.models.tiny import TINY_ARCHITECTURES

    rows = {}
    print(f"{'model':<18}{''.join(f'{name:>28}' for name in RATIOS)}")
    for name in [options.checkpoint] if options.checkpoint else options.architecture or TINY_ARCHITECTURES:
        if options.checkpoint:
            assert options.dataset, "--checkpoint needs --dataset"
            session, batch = tiny_pairs.prepared_session(
                options.checkpoint, options.dataset, options.device, options.dtype
            )
        else:
            session, batch = tiny_pairs.tiny_session(name)
        model = options.checkpoint.stem if options.checkpoint else name
        rows[model] = ratios(session, batch, options.pairs)
        cells = (f"{median:.4f} [{low:.4f}, {high:.4f}]" for median, low, high in rows[model].values())
        print(f"{model:<18}{''.join(f'{cell:>28}' for cell in cells)}", flush=True)
    if options.output:
        options.output.write_text(json.dumps(rows, indent=1) + "\n")


def ratios(session: Session, batch: InputBatch, pairs: int) -> dict[str, tuple[float, float, float]]:
    """The four ratios on a batch, each the median of its pairs with its interval."""
    from timed_passes import headline_pairs, layer_pairs, median_ratio, stage_pairs

    from vlm_profiling.measure.passes.headline import no_long_collections

    with no_long_collections():
        timed = [
            headline_pairs(session, batch, pairs),
            *stage_pairs(session, batch, pairs),
            layer_pairs(session, batch, max(1, pairs // 4)),
        ]
    found = {}
    for name, seconds in zip(RATIOS, timed, strict=True):
        median, (low, high) = median_ratio(seconds)
        found[name] = median, low, high
    return found


if __name__ == "__main__":
    main()
