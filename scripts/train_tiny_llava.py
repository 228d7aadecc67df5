#!/usr/bin/env python3
"""Train a small LLaVA from nothing on easy-vqa, and write it as a folder that loads like a checkpoint of the
hub.

    scripts/train_tiny_llava.py --output checkpoints/tiny-llava-easy-vqa

Needs the package easy-vqa and half an hour on two CPU cores. The folder's README.md tells how well it
answers.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path


def main() -> int:
    """Exit code 0."""
    parser = argparse.ArgumentParser(description="Train a small LLaVA from nothing on easy-vqa.")
    parser.add_argument(
        "--output", required=True, type=Path, help="folder to write, in the place of an older one"
    )
    options = parser.parse_args()

    from vlm_profiling.models.tiny_llava import train_tiny_llava

    train_tiny_llava(options.output, report=lambda line: print(line, flush=True))
    return 0


if __name__ == "__main__":
    sys.exit(main())
