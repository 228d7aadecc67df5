#!/usr/bin/env python3
"""Compiled against eager generate() on the CPU, in steady state, for all six tiny models: seconds, graphs,
equal tokens.

benchmarks/compile_ratio.py [--rounds 15] [--new-tokens 8] [ARCHITECTURE ...]

Both ways run the same batch in turns, each from a model of its own, so that what else the machine does falls
on both. Each architecture has a process of its own, as each run has: torch.compile stops compiling code that
it saw too many shapes of.
"""

from __future__ import annotations

import argparse
import statistics
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context

import tiny_pairs  # first: it keeps torch on one thread


def main() -> None:
    """Print one line a model; exit with an error where nothing was compiled or a token differs."""
    from vlm_profiling.models.tiny import TINY_ARCHITECTURES

    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("architectures", nargs="*", default=list(TINY_ARCHITECTURES), metavar="ARCHITECTURE")
    parser.add_argument("--rounds", type=int, default=15, metavar="N")
    parser.add_argument("--new-tokens", type=int, default=8, metavar="N")
    options = parser.parse_args()
    print(
        f"{'model':<18}{'eager':>10}{'compiled':>10}{'ratio':>8}{'graphs':>8}{'breaks':>8}"
        f"{'compile':>10}  tokens"
    )
    line = partial(_line, rounds=options.rounds, new_tokens=options.new_tokens)
    with ProcessPoolExecutor(1, get_context("spawn"), max_tasks_per_child=1) as processes:
        for told in processes.map(line, options.architectures):
            print(told, flush=True)


def _line(architecture: str, rounds: int, new_tokens: int) -> str:
    from vlm_profiling.engines.transformers.compiling import compile_model
    from vlm_profiling.engines.transformers.model import TransformersModel
    from vlm_profiling.measure.passes.headline import run_batch, run_each_shape

    (eager, batch), (compiled, same_batch) = (
        tiny_pairs.tiny_session(architecture, new_tokens) for _ in range(2)
    )
    assert isinstance(compiled.loaded, TransformersModel)
    compilation = compile_model(compiled.loaded, partial(run_each_shape, compiled, [same_batch]))
    if compilation.frames == 0:
        raise SystemExit(f"{architecture}: nothing was compiled")
    if run_batch(eager, batch).answers != run_batch(compiled, same_batch).answers:
        raise SystemExit(f"{architecture}: compiled answers differ from the eager ones")
    seconds: tuple[list[float], list[float]] = ([], [])
    for number in range(rounds):
        pairs = [(eager, batch, seconds[0]), (compiled, same_batch, seconds[1])]
        for session, own_batch, times in pairs if number % 2 else reversed(pairs):
            times.append(run_batch(session, own_batch).times.generate_s)
    before, after = (statistics.median(times) for times in seconds)
    ratio = statistics.median(new / old for old, new in zip(*seconds, strict=True))
    return (
        f"{architecture:<18}{1e3 * before:>7.1f} ms{1e3 * after:>7.1f} ms{ratio:>8.2f}{compilation.frames:>8}"
        f"{compilation.graph_breaks:>8}{compilation.seconds:>8.1f} s  equal"
    )


if __name__ == "__main__":
    main()
