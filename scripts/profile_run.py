#!/usr/bin/env python3
"""Measure one run: one model on one data set at one point, in this process, to one JSON record.

In a workflow the run's identity comes as one JSON text:

    profile_run.py --run SPEC --checkpoint M.json --dataset D/manifest.json --code C.json --lock L \\
        --output R.json

On its own it takes the reference study's options:

    profile_run.py --src_folder datasets/TextVQA --model_name llava-hf/llava-1.5-7b-hf --img_size 224 \\
        --batch_size 1 --optimization fp16 --device cuda --max_input_len 200 --cached

A run that ends out of memory, unsupported, after its time limit or with an error of the model is a record.
"""

from __future__ import annotations

import argparse
import os
import sys
from contextlib import ExitStack
from pathlib import Path

from vlm_profiling.datasets.candidates import DamagedDatasetError
from vlm_profiling.errors import VlmError, main
from vlm_profiling.large_imports import large_imports
from vlm_profiling.measure.environment.container import refuse_outside
from vlm_profiling.measure.options import add_standalone_options, add_workflow_options
from vlm_profiling.measure.request import RunRequest, workflow_request
from vlm_profiling.measure.standalone import standalone_request
from vlm_profiling.measure.terminal.progress import quiet_libraries
from vlm_profiling.measure.terminal.stage_table import stage_table
from vlm_profiling.measure.terminal.summary import summarise
from vlm_profiling.record.damage import note_damage
from vlm_profiling.record.file_lock import writer_lock
from vlm_profiling.record.files import write_record

os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")


def profile_run(options: argparse.Namespace) -> None:
    """Lock a known record at once, since importing torch takes seconds, then measure."""
    require_options(options)
    with ExitStack() as locks:
        if options.output and locks.enter_context(writer_lock(options.output)):
            print_measured(options.output)
            return
        try:
            measure(options, locks)
        except DamagedDatasetError as error:
            if not options.run:
                raise
            note_damage(options.dataset)
            raise DamagedDatasetError(f"{error}; the next start of the workflow does") from None


def measure(options: argparse.Namespace, locks: ExitStack) -> None:
    """Measure, write the record, print a summary. A wrong request is refused before torch is imported, where
    that is possible.
    """
    quiet_libraries()
    with large_imports():
        request = request_of(options)
        if request.container_image is not None:
            refuse_outside(request.container_image)
        from vlm_profiling.measure.run import profile

    output = options.output or default_output(request)
    if options.output is None and locks.enter_context(writer_lock(output)):
        print_measured(output)
        return
    record = profile(request, trace=output.with_suffix(".trace.json.gz"))
    write_record(output, record)
    print(summarise(record))
    if record.stages:
        print(stage_table(record.stages, coloured=sys.stdout.isatty() and "NO_COLOR" not in os.environ))
    print(f"{'record':<24}{output}")


def request_of(options: argparse.Namespace) -> RunRequest:
    """What a workflow's or a person's command line asks for."""
    if options.run:
        files = {
            name: getattr(options, name)
            for name in ("checkpoint", "dataset", "code", "lock", "cost", "image")
        }
        return workflow_request(options.run, **files)
    return standalone_request(options)


def print_measured(output: Path) -> None:
    """Print that there is nothing left to do."""
    print(f"{output}: measured by another process while this one waited")


def default_output(request: RunRequest) -> Path:
    """Where a run on its own leaves its record."""
    return Path(
        "results/profile_run", request.checkpoint.name, request.dataset.name, f"{request.spec.key}.json"
    )


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The workflow's arguments, and the reference study's options."""
    add_workflow_options(parser)
    add_standalone_options(parser)


def require_options(options: argparse.Namespace) -> None:
    """Raise VlmError for a command line that names neither a run nor a folder and a model."""
    needed = ("checkpoint", "dataset", "code", "output") if options.run else ("src_folder", "model_name")
    missing = [f"--{name}" for name in needed if getattr(options, name) is None]
    if missing:
        raise VlmError(
            f"{' and '.join(missing)} missing; give --run with its files, or --src_folder and --model_name"
        )


if __name__ == "__main__":
    main(profile_run, add_arguments, __doc__)
