"""The command line of a run: files from a workflow, or the reference study's options."""

from __future__ import annotations

import argparse
from pathlib import Path

from vlm_profiling.study.config import MAX_GPUS, STANDARD_OPTIMIZATIONS


def add_workflow_options(parser: argparse.ArgumentParser) -> None:
    """What the workflow gives: the run's identity and the files prepared for it."""
    group = parser.add_argument_group("one run of a workflow")
    add = group.add_argument
    add("--run", metavar="SPEC", help="canonical JSON of the run's identity")
    add("--checkpoint", type=Path, metavar="FILE", help="manifest that prepare_checkpoint.py wrote")
    add("--dataset", type=Path, metavar="FILE", help="manifest that prepare_dataset.py wrote")
    add("--code", type=Path, metavar="FILE", help="digest of the measuring code")
    add(
        "--cost",
        type=Path,
        metavar="FILE",
        help="what count_cost.py wrote, from which the peak of memory is predicted",
    )
    add(
        "--image",
        type=Path,
        metavar="FILE",
        help="which container the study's runs belong in; a run outside it is refused",
    )
    add("--lock", type=Path, metavar="FILE", help="lock of the environment, compared with what is installed")
    parser.add_argument("--output", type=Path, metavar="FILE", help="where the record goes")


def add_standalone_options(parser: argparse.ArgumentParser) -> None:
    """The reference study's options; each works with dashes and with underscores."""
    group = parser.add_argument_group("one run on its own")
    add = group.add_argument
    add(
        "--src-folder",
        "--src_folder",
        type=Path,
        metavar="FOLDER",
        help="folder with samples.json, of images or videos, or a prepared data set",
    )
    add(
        "--model-name", "--model_name", metavar="ID_OR_FOLDER", help="hub id, or a folder in the hub's format"
    )
    add("--revision", metavar="COMMIT", help="commit of the hub repository; by default its main branch")
    add(
        "--img-size",
        "--img_size",
        type=int,
        metavar="PIXELS",
        help="longer side of the image; by default as it comes",
    )
    add("--batch-size", "--batch_size", type=int, default=1, metavar="N")
    add("--optimization", choices=list(STANDARD_OPTIMIZATIONS), default="fp16")
    add("--device", choices=["cuda", "cpu"], default="cuda")
    add(
        "--gpus",
        type=int,
        choices=range(1, MAX_GPUS + 1),
        default=1,
        metavar="N",
        help="GPUs that the layers are laid on; by default 1",
    )
    add(
        "--max-input-len",
        "--max_input_len",
        type=int,
        metavar="TOKENS",
        help="cut user text beyond; by default no limit",
    )
    add(
        "--prompt-len",
        "--prompt_len",
        type=int,
        metavar="TOKENS",
        help="bring all user texts to this length, repeated or cut",
    )
    add(
        "--frames",
        type=int,
        default=1,
        metavar="N",
        help="frames given of each video; by default the one in its middle",
    )
    add("--cached", action="store_true", help="prepare all samples in memory before measuring")
    add("--samples", type=int, metavar="N", help="first N samples of the folder; by default all")
    add(
        "--max-new-tokens",
        "--max_new_tokens",
        type=int,
        default=50,
        metavar="N",
        help="longest answer in tokens",
    )
    add(
        "--min-new-tokens",
        "--min_new_tokens",
        type=int,
        default=0,
        metavar="N",
        help="shortest answer in tokens",
    )
    add(
        "--timeout-s",
        "--timeout_s",
        type=float,
        default=3600.0,
        metavar="S",
        help="wall-clock limit of the run",
    )
