#!/usr/bin/env python3
"""Do the joules of the meters hold the truth within the uncertainty that they state?

Every trial is a window of 10 to 12 s, in simulated time, over a random course of power: batches that prepare,
peak and ripple, drift, end idle. The stand-in NVML renews its counter and its power every 20 to 100 ms;
CUDA_VISIBLE_DEVICES turns the order of two boards round; counters or power are missing, or stand still; the
powercap counters wrap around. Prints for each kind of meter how often the truth lies within the stated
half-width. The aim: 95 % of all trials. Needs gcc.

    .venv/bin/python benchmarks/energy_truth.py [--trials 200] [--seed 0]
"""

from __future__ import annotations

import argparse
import functools
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean

PROJECT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(PROJECT / "tests"), str(PROJECT / "scripts")]

from fakes.energy_truth import KINDS, Trial, simulate  # noqa: E402
from fakes.nvml import compile_fake_nvml, python_with_library, run_with_library  # noqa: E402


def main() -> None:
    """Run the trials, print a line a kind."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--trials", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        compile_fake_nvml(Path(folder))
        trials = simulate(
            functools.partial(run_with_library, python_with_library(Path(folder))),
            options.trials,
            options.seed,
        )
    print(f"{'meter':<34}{'trials':>8}{'within':>8}{'mean error':>12}{'largest':>10}{'stated':>10}")
    for kind in KINDS:
        of_kind = [trial for trial in trials if trial.kind == kind]
        measured = [trial for trial in of_kind if trial.joules is not None]
        print(
            line(kind, measured)
            if measured
            else f"{kind:<34}{len(of_kind):>8}  refused: {of_kind[0].refused}"
        )
    measured = [trial for trial in trials if trial.joules is not None]
    share = sum(trial.holds_truth for trial in measured) / len(measured)
    print(f"the truth is within the stated uncertainty in {share:.1%} of {len(measured)} windows")


def line(kind: str, trials: Sequence[Trial]) -> str:
    """How often the truth lies within, the error of the joules, and the mean half-width stated."""
    errors = [(trial.joules or 0.0) / trial.true_j - 1 for trial in trials]
    stated = fmean(trial.relative_uncertainty or 0.0 for trial in trials)
    within = sum(trial.holds_truth for trial in trials)
    return (
        f"{kind:<34}{len(trials):>8}{within:>8}{fmean(errors):>12.2%}"
        f"{max(map(abs, errors)):>10.2%}{stated:>10.2%}"
    )


if __name__ == "__main__":
    main()
