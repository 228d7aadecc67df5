#!/usr/bin/env python3
"""Count what a model's work costs: FLOPs and bytes as exact functions of its tokens, without weights and
without a GPU.

    scripts/count_cost.py --checkpoint results/checkpoints/tiny-llava.json \\
        --output results/costs/tiny-llava.json
    scripts/count_cost.py --architecture llava-1.5-7b-hf

Without --output the cost is printed as a table.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path

from vlm_profiling.cost.functions import ModelCost, write_cost
from vlm_profiling.cost.roofline.table import cost_table
from vlm_profiling.errors import main
from vlm_profiling.large_imports import large_imports
from vlm_profiling.record.manifests import CheckpointManifest, read_manifest


def add_arguments(parser: ArgumentParser) -> None:
    """The model, as a prepared checkpoint or an architecture, and the file to write."""
    model = parser.add_mutually_exclusive_group(required=True)
    model.add_argument(
        "--checkpoint", type=Path, help="manifest of a prepared checkpoint, in the project's folder"
    )
    model.add_argument("--architecture", help="a full-size architecture, such as llava-1.5-7b-hf")
    parser.add_argument("--output", type=Path, help="JSON file to write; without it a table is printed")


def count_cost(options: Namespace) -> None:
    """Count the cost; write it, or print it as a table."""
    cost = _count(options)
    if options.output is None:
        print(cost_table(cost))
    else:
        write_cost(options.output, cost)


def _count(options: Namespace) -> ModelCost:
    with large_imports():
        from vlm_profiling.cost.counting.count import architecture_cost, checkpoint_cost

    if options.architecture is not None:
        return architecture_cost(options.architecture)
    return checkpoint_cost(read_manifest(options.checkpoint, CheckpointManifest), Path.cwd())


if __name__ == "__main__":
    main(count_cost, add_arguments, __doc__)
