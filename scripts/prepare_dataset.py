#!/usr/bin/env python3
"""Prepare one data set: check its samples, draw from them, and write manifest.json, samples.jsonl and
images/.

    scripts/prepare_dataset.py --name easy-vqa --output results/datasets/easy-vqa/manifest.json \
        --dataset '{"package": "easy-vqa", "split": "test", "samples": 96}'

Run it in the project's folder: paths of the settings are relative to it.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from vlm_profiling.datasets.candidates import DatasetError
from vlm_profiling.datasets.prepare import prepare_dataset
from vlm_profiling.study.config import DatasetConfig
from vlm_profiling.study.errors import ConfigError
from vlm_profiling.study.problems import section_problems


def main() -> int:
    """Exit code 0, or 2 when the data set cannot be prepared; the reason stands on stderr."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--name", required=True, help="the data set's name in the study")
    parser.add_argument("--dataset", required=True, help="its entry of config.yaml's datasets, as JSON")
    parser.add_argument(
        "--output", required=True, type=Path, help="manifest.json to write, in a folder of the data set's own"
    )
    options = parser.parse_args()
    if options.output.name != "manifest.json":
        parser.error(f"argument --output: {options.output} must be called manifest.json")
    try:
        settings = json.loads(options.dataset)
        problems = section_problems(DatasetConfig, settings, ("datasets", options.name))
        if problems:
            raise ConfigError(problems, "--dataset")
        manifest = prepare_dataset(
            options.name, DatasetConfig.model_validate(settings), Path(), options.output.parent
        )
    except (ConfigError, DatasetError, json.JSONDecodeError, OSError) as error:
        print(f"prepare_dataset: {options.name}: {error}", file=sys.stderr)
        return 2
    skipped = f", {len(manifest.skipped)} skipped" if manifest.skipped else ""
    print(
        f"{manifest.name}: {manifest.samples} of {manifest.population} samples from {manifest.source}{skipped}"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
