#!/usr/bin/env python3
"""How often compare_runs.py --fail-on slower would stop where nothing changed, and find what did: on simulated studies.

    .venv/bin/python benchmarks/comparison_truth.py [--studies 60] [--cells 126]

For each kind of machine (tests/simulated_runs.py): studies of unchanged cells of which any is called slower one by one, and
beyond chance as the exit status counts it (aim: at most 5 %); and how often one cell that is truly 5 % slower among them is
found. The draws are the same every time.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(PROJECT / "scripts"), str(PROJECT / "tests")]

import numpy as np  # noqa: E402
from simulated_runs import MACHINES, Machine, batch_times, simulated_run  # noqa: E402

from vlm_profiling.statistics.compare import Verdict, compare, held_together, judge  # noqa: E402

BATCHES = 19
"""Of 300 samples, 16 at a time."""


def main() -> None:
    """Simulate and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--studies", type=int, default=60)
    parser.add_argument("--cells", type=int, default=126, help="cells of a study")
    options = parser.parse_args()
    print("batch noise  pass noise   unchanged: any slower  beyond chance   5 % slower: found")
    for machine in MACHINES:
        alone = beyond = found = 0
        for study in range(options.studies):
            verdicts = [verdicts_of(machine, (study, cell), options.cells) for cell in range(options.cells)]
            alone += any(single == "slower" for single, _ in verdicts)
            beyond += any(together == "slower" for _, together in verdicts)
            found += verdicts_of(machine, (study, options.cells), options.cells, slower=1.05)[1] == "slower"
        shares = (count / options.studies for count in (alone, beyond, found))
        first, second, third = (f"{share:.1%}" for share in shares)
        print(f"{machine.batch:<13.1%}{machine.passes:<13.1%}{first:>22}{second:>15}{third:>20}", flush=True)


def verdicts_of(
    machine: Machine, seed: tuple[int, int], cells: int, slower: float = 1.0
) -> tuple[Verdict | None, Verdict | None]:
    """Of a cell measured twice, the second time truly `slower`: by itself, and among so many cells."""
    draw = np.random.default_rng(seed)
    truth = batch_times(draw, BATCHES)
    found = compare(simulated_run(draw, machine, slower * truth), simulated_run(draw, machine, truth))
    return found.verdict, found.bounds and judge(held_together(found.bounds, found.ratio, cells))


if __name__ == "__main__":
    main()
