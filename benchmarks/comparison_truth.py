#!/usr/bin/env python3
"""How often vlm compare --fail-on slower would stop where nothing changed, and find what did: on
simulated studies.

    .venv/bin/python benchmarks/comparison_truth.py [--studies 200] [--cells 126]

For each kind of machine (tests/simulated_runs.py), pairs of studies on the same samples: how often any of the
unchanged cells is called slower one by one, and beyond chance as the exit status counts it (aim: at most 5
%); and how often what is truly 5 % or 3 % slower is found beyond chance: one cell among unchanged ones, any
cell where all are, and how many of these. The last line is of cells that are quiet and noisy in turns. The
draws are the same every time.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from itertools import cycle, islice
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(PROJECT / "scripts"), str(PROJECT / "tests")]

import numpy as np  # noqa: E402
from simulated_runs import MACHINES, Machine, batch_times, simulated_run  # noqa: E402

from vlm_profiling.statistics.compare import Times, Verdict, compare, noise_band  # noqa: E402
from vlm_profiling.statistics.multiple_comparisons import ComparedValue, shared_drift, verdicts_together  # noqa: E402

BATCHES = 19
"""Of 300 samples, 16 at a time."""
SLOWER, MUCH_SLOWER = 1.03, 1.05
NOISY = Machine(batch=0.02, passes=0.01)
"""A machine on which a change of 3 % cannot be told for a single cell."""


def main() -> None:
    """Simulate and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--studies", type=int, default=200)
    parser.add_argument("--cells", type=int, default=126, help="cells of a study")
    options = parser.parse_args()
    print(
        "batch noise  pass noise  unchanged: any one by one, beyond chance  one 5 %, 3 % "
        "slower: found  all 3 %: any, share found"
    )
    for machines in (*((machine,) for machine in MACHINES), (MACHINES[0], NOISY)):
        alone = beyond = one = much = any_of_all = 0
        share = 0.0
        for study in range(options.studies):
            pairs = simulated_pairs(machines, study, options.cells)
            slower, much_slower = (
                [slowed(pair, factor) for pair in pairs] for factor in (SLOWER, MUCH_SLOWER)
            )
            alone += any(compare(new, old).verdict == "slower" for new, old in pairs)
            beyond += "slower" in verdicts_of(pairs)
            changed = study % options.cells
            one, much = (
                count
                + (
                    verdicts_of([*pairs[:changed], pairs_of[changed], *pairs[changed + 1 :]])[changed]
                    == "slower"
                )
                for count, pairs_of in ((one, slower), (much, much_slower))
            )
            found = verdicts_of(slower).count("slower")
            any_of_all += found > 0
            share += found / options.cells
        figures = [count / options.studies for count in (alone, beyond, much, one, any_of_all, share)]
        noise = [
            " to ".join(f"{100 * end:.1f}" for end in span(machines, name)) + " %"
            for name in ("batch", "passes")
        ]
        print(
            "  ".join([f"{noise[0]:<12}{noise[1]:<12}", *(f"{figure:>14.1%}" for figure in figures)]),
            flush=True,
        )


def simulated_pairs(machines: Sequence[Machine], study: int, cells: int) -> list[tuple[Times, Times]]:
    """Each cell measured twice with nothing changed, one machine after the other: after, before."""
    pairs = []
    for cell, machine in enumerate(islice(cycle(machines), cells)):
        draw = np.random.default_rng((study, cell))
        truth = batch_times(draw, BATCHES)
        pairs.append((simulated_run(draw, machine, truth), simulated_run(draw, machine, truth)))
    return pairs


def slowed(pair: tuple[Times, Times], factor: float) -> tuple[Times, Times]:
    """The same two runs where the later one truly takes so many times as long."""
    new, old = pair
    return replace(new, seconds=tuple(factor * seconds for seconds in new.seconds)), old


def verdicts_of(pairs: Sequence[tuple[Times, Times]]) -> list[Verdict]:
    """Of all cells judged together, as vlm compare judges the latencies of two folders of one device."""
    shared = [
        shared_drift([times.drift for times in side if times.drift is not None])
        for side in zip(*pairs, strict=True)
    ]
    family = []
    for new, old in pairs:
        found = compare(new, old)
        assert found.interval
        band = noise_band(max(new.drift or 0.0, shared[0]), max(old.drift or 0.0, shared[1]))
        family.append(
            ComparedValue(found.ratio, (found.interval.low, found.interval.high), len(new.seconds), band)
        )
    return verdicts_together(family)


def span(machines: Sequence[Machine], name: str) -> list[float]:
    """Least and largest of a machine's noise, once where they are one."""
    return sorted({f(getattr(machine, name) for machine in machines) for f in (min, max)})


if __name__ == "__main__":
    main()
