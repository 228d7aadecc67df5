#!/usr/bin/env python3
"""Make a checkpoint ready to load (build, fetch or check it) and write its manifest.

    scripts/prepare_checkpoint.py --name tiny-llava --model '{"tiny":"llava"}' --output
    results/checkpoints/tiny-llava.json

A checkpoint built here lies beside its manifest, in the folder of the same name without the ending.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from huggingface_hub.utils import disable_progress_bars
from pydantic import ValidationError

from vlm_profiling.large_imports import large_imports
from vlm_profiling.models.describe import describe_checkpoint
from vlm_profiling.models.errors import CheckpointError
from vlm_profiling.record.manifests import write_manifest
from vlm_profiling.study.config import ModelConfig


def main() -> int:
    """Exit code 0, or 2 when the checkpoint cannot be used; the reason stands on stderr."""
    parser = argparse.ArgumentParser(description="Make a checkpoint ready and write its manifest.")
    parser.add_argument("--name", required=True, help="the model's name in the study")
    parser.add_argument("--model", required=True, help="its entry of config.yaml's models, as JSON")
    parser.add_argument(
        "--output", required=True, type=Path, help="the manifest to write, below the current folder"
    )
    options = parser.parse_args()
    try:
        config = ModelConfig.model_validate_json(options.model)
    except ValidationError as error:
        print(f"--model: {error}", file=sys.stderr)
        return 2

    disable_progress_bars()
    try:
        with large_imports():
            manifest = describe_checkpoint(
                options.name, config, project=Path.cwd(), built=options.output.with_suffix("")
            )
        write_manifest(options.output, manifest)
    except (CheckpointError, OSError) as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
