#!/usr/bin/env python3
"""Prepare one data set: check its samples, draw from them, and write manifest.json, samples.jsonl and images/.

    scripts/prepare_dataset.py --name easy-vqa --output results/datasets/easy-vqa/manifest.json \
        --dataset '{"package": "easy-vqa", "split": "test", "samples": 96}'

Run it in the project's folder: paths of the settings are relative to it.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from pydantic import ValidationError

from vlm_profiling.datasets.candidates import DatasetError
from vlm_profiling.datasets.prepare import prepare_dataset
from vlm_profiling.study.config import DatasetConfig


def main() -> None:
    """Prepare the data set that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--name", required=True, help="the data set's name in the study")
    parser.add_argument("--dataset", required=True, help="its settings as JSON, an entry of `datasets` in config.yaml")
    parser.add_argument("--output", required=True, type=Path, help="manifest.json to write, in a folder of the data set's own")
    arguments = parser.parse_args()
    if arguments.output.name != "manifest.json":
        parser.error(f"argument --output: {arguments.output} must be called manifest.json")
    try:
        config = DatasetConfig.model_validate_json(arguments.dataset)
        manifest = prepare_dataset(arguments.name, config, Path(), arguments.output.parent)
    except (DatasetError, ValidationError, OSError) as error:
        print(f"prepare_dataset: {arguments.name}: {error}", file=sys.stderr)
        raise SystemExit(2) from None
    skipped = f", {len(manifest.skipped)} skipped" if manifest.skipped else ""
    print(f"{manifest.name}: {manifest.samples} of {manifest.population} samples from {manifest.source}{skipped}")


if __name__ == "__main__":
    main()
