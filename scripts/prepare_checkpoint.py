#!/usr/bin/env python3
"""Make a checkpoint ready to load (build, fetch or check it) and write its manifest.

    scripts/prepare_checkpoint.py --name tiny-llava --model '{"tiny":"llava"}' \\
        --output results/checkpoints/tiny-llava.json

A checkpoint built here is next to its manifest, in the folder of the same name without the ending.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path

from huggingface_hub.utils import disable_progress_bars

from vlm_profiling.errors import main
from vlm_profiling.large_imports import large_imports
from vlm_profiling.models.describe import describe_checkpoint
from vlm_profiling.record.manifests import write_manifest
from vlm_profiling.study.inputs import ModelConfig
from vlm_profiling.study.section import read_section


def add_arguments(parser: ArgumentParser) -> None:
    """The model's name and settings, the manifest to write."""
    parser.add_argument("--name", required=True, help="the model's name in the study")
    parser.add_argument("--model", required=True, help="its entry of config.yaml's models, as JSON")
    parser.add_argument(
        "--output", required=True, type=Path, help="the manifest to write, below the current folder"
    )


def prepare_checkpoint(options: Namespace) -> None:
    """Make the checkpoint ready, write its manifest."""
    config = read_section(ModelConfig, options.model, "models", options.name)
    disable_progress_bars()
    with large_imports():
        manifest = describe_checkpoint(
            options.name, config, project=Path.cwd(), built=options.output.with_suffix("")
        )
    write_manifest(options.output, manifest)


if __name__ == "__main__":
    main(prepare_checkpoint, add_arguments, __doc__)
