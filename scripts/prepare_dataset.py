#!/usr/bin/env python3
"""Prepare one data set: check its samples, draw from them, and write manifest.json, samples.jsonl and
images/.

    scripts/prepare_dataset.py --name easy-vqa --output results/datasets/easy-vqa/manifest.json \\
        --dataset '{"package": "easy-vqa", "split": "test", "samples": 96}'

Run it in the project's folder: paths of the settings are relative to it.
"""

from __future__ import annotations

from argparse import ArgumentParser, ArgumentTypeError, Namespace
from pathlib import Path

from vlm_profiling.datasets.candidates import DatasetError
from vlm_profiling.datasets.prepare import prepare_dataset
from vlm_profiling.errors import main
from vlm_profiling.study.inputs import DatasetConfig
from vlm_profiling.study.section import read_section


def add_arguments(parser: ArgumentParser) -> None:
    """The data set's name and settings, the manifest to write."""
    parser.add_argument("--name", required=True, help="the data set's name in the study")
    parser.add_argument("--dataset", required=True, help="its entry of config.yaml's datasets, as JSON")
    parser.add_argument(
        "--output", required=True, type=_manifest, help="manifest.json, in a folder of the data set's own"
    )


def prepare(options: Namespace) -> None:
    """Prepare the data set, print how many samples it has."""
    config = read_section(DatasetConfig, options.dataset, "datasets", options.name)
    try:
        manifest = prepare_dataset(options.name, config, Path(), options.output.parent)
    except DatasetError as error:
        raise DatasetError(f"{options.name}: {error}") from None
    skipped = f", {len(manifest.skipped)} skipped" if manifest.skipped else ""
    samples = f"{manifest.samples} of {manifest.population} samples"
    print(f"{manifest.name}: {samples} from {manifest.source}{skipped}")


def _manifest(text: str) -> Path:
    if Path(text).name != "manifest.json":
        raise ArgumentTypeError(f"{text} must be called manifest.json")
    return Path(text)


if __name__ == "__main__":
    main(prepare, add_arguments, __doc__)
