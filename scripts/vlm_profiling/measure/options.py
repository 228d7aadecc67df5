"""The command line of a run: files from a workflow, or the reference study's options."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import get_args

from vlm_profiling.study.inputs import MAX_GPUS, STANDARD_OPTIMIZATIONS
from vlm_profiling.study.point import DEFAULTS, SETTINGS, TYPES, Setting, is_number

STANDALONE_OPTIMIZATION = "fp16"
"""Of a run on its own that names none."""
_CHOICES = {"device": get_args(TYPES["device"]), "optimization": tuple(STANDARD_OPTIMIZATIONS)}


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
    for name, setting in SETTINGS.items():
        _add_setting(group, name, setting)
    add(
        "--gpus",
        type=int,
        choices=range(1, MAX_GPUS + 1),
        default=1,
        metavar="N",
        help="GPUs that the layers are laid on; by default 1",
    )
    add("--cached", action="store_true", help="prepare all samples in memory before measuring")
    add("--samples", type=_count, metavar="N", help="first N samples of the folder; by default all")
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


def _count(text: str) -> int:
    """A number of samples from the command line."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text[:100]!r}; allowed: integer, at least 1")
    return int(text)


def _add_setting(group: argparse._ArgumentGroup, name: str, setting: Setting) -> None:
    """The option of one setting of the point, with dashes and with underscores."""
    option = setting.option or f"--{name.replace('_', '-')}"
    spellings = dict.fromkeys([option, f"--{option[2:].replace('-', '_')}"])
    default = STANDALONE_OPTIMIZATION if name == "optimization" else DEFAULTS[name]
    number = is_number(name)
    group.add_argument(
        *spellings,
        dest=name,
        type=int if number else str,
        choices=None if number else _CHOICES[name],
        default=default,
        metavar=setting.metavar if number else None,
        help=f"{setting.description}; by default {default if default is not None else setting.absent}",
    )
