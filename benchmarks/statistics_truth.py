#!/usr/bin/env python3
"""Whether intervals and verdicts hold where the truth is known: on simulated runs (tests/simulated_runs.py).

    .venv/bin/python benchmarks/statistics_truth.py [--trials 200] [--intervals 1000]

Prints how many 95 % intervals hold the true mean (aim: 93 to 97 %), how often two runs of one cell are called
"same" (aim: at least 95 %), and how often a true slowdown of 3 % is called "slower" (aim: at least 90 %). The
last machine is beyond what the aims are for: it shows where the verdicts become careful. The draws are the
same every time.
"""

from __future__ import annotations

import argparse
import sys
from functools import partial
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(PROJECT / "scripts"), str(PROJECT / "tests")]

from simulated_runs import MACHINES, Machine, holds_the_true_mean, share_with, verdict_of  # noqa: E402

NOISY = Machine(batch=0.02, passes=0.01)


def main() -> None:
    """Simulate and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--trials", type=int, default=200, help="pairs of runs a verdict")
    parser.add_argument(
        "--intervals", type=int, default=1000, help="runs whose interval is asked for the true mean"
    )
    options = parser.parse_args()

    print("batches   intervals that hold the true mean")
    for batches in (60, 120, 300):
        held = share_with(True, options.intervals, partial(holds_the_true_mean, batches=batches))
        print(f"{batches:<10}{held:.1%}", flush=True)
    print("\nbatch noise  pass noise  batches   same cell: same   3 % slower: slower  same  ambiguous")
    for machine in (*MACHINES, NOISY):
        for batches in (60, 200):
            equal, slowed = (
                partial(verdict_of, machine=machine, batches=batches, slower=slower) for slower in (1.0, 1.03)
            )
            same = share_with("same", options.trials, equal)
            found = [
                share_with(verdict, options.trials, slowed) for verdict in ("slower", "same", "ambiguous")
            ]
            print(
                f"{machine.batch:<13.1%}{machine.passes:<12.1%}{batches:<10}{same:<18.1%}"
                f"{found[0]:<20.1%}{found[1]:<6.1%}{found[2]:.1%}",
                flush=True,
            )


if __name__ == "__main__":
    main()
