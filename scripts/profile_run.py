#!/usr/bin/env python3
"""Measure one run: one model on one data set at one point, in this process, to one JSON record.

In a workflow the run's identity comes as one JSON text: profile_run.py --run SPEC --checkpoint M.json
--dataset D/manifest.json --code C.json --lock L --output R.json On its own it takes the reference study's
options: profile_run.py --src_folder datasets/TextVQA --model_name llava-hf/llava-1.5-7b-hf --img_size 224
--batch_size 1 \\ --optimization fp16 --device cuda --max_input_len 200 --cached Exit status: 0 with a record
(whose status may be oom, unsupported, timeout or error), 2 when a person must mend something.
"""

from __future__ import annotations

import argparse
import os
import sys
from contextlib import ExitStack
from pathlib import Path

from vlm_profiling.cost.functions import CostError
from vlm_profiling.datasets.candidates import DamagedDatasetError
from vlm_profiling.large_imports import large_imports
from vlm_profiling.measure.environment.container import refuse_outside
from vlm_profiling.measure.options import add_standalone_options, add_workflow_options
from vlm_profiling.measure.outcomes import BROKEN
from vlm_profiling.measure.progress import quiet_libraries
from vlm_profiling.measure.request import RunRequest, workflow_request
from vlm_profiling.measure.stage_table import stage_table
from vlm_profiling.measure.standalone import standalone_request
from vlm_profiling.measure.summary import summarise
from vlm_profiling.record.damage import note_damage
from vlm_profiling.record.file_lock import turn_to_write
from vlm_profiling.record.files import RecordError, write_record
from vlm_profiling.study import ConfigError

os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")


def main() -> int:
    """Take the turn to write a known record at once, since importing torch takes seconds, then measure."""
    options = parse_options()
    try:
        with ExitStack() as turns:
            if options.output and turns.enter_context(turn_to_write(options.output)):
                return already_measured(options.output)
            return measure(options, turns)
    except OSError as error:
        print(f"profile_run: {error}", file=sys.stderr)
        return 2


def measure(options: argparse.Namespace, turns: ExitStack) -> int:
    """Measure, write, tell. What is wrong with the request is told before torch is imported, where that is
    possible.
    """
    quiet_libraries()
    try:
        with large_imports():
            request = request_of(options)
            if request.container_image is not None:
                refuse_outside(request.container_image)
            from vlm_profiling.measure.run import profile

        output = options.output or default_output(request)
        if options.output is None and turns.enter_context(turn_to_write(output)):
            return already_measured(output)
        record = profile(request, trace=output.with_suffix(".trace.json.gz"))
        write_record(output, record)
    except DamagedDatasetError as error:
        if options.run:
            note_damage(options.dataset)
        print(
            f"profile_run: {error}{'; the next start of the workflow does' if options.run else ''}",
            file=sys.stderr,
        )
        return 2
    except (*BROKEN, ConfigError, CostError, RecordError, OSError) as error:
        print(f"profile_run: {error}", file=sys.stderr)
        return 2
    print(summarise(record))
    if record.stages:
        print(stage_table(record.stages, coloured=sys.stdout.isatty() and "NO_COLOR" not in os.environ))
    print(f"{'record':<24}{output}")
    return 0


def request_of(options: argparse.Namespace) -> RunRequest:
    """What a workflow's or a person's command line asks for."""
    if options.run:
        files = {
            name: getattr(options, name)
            for name in ("checkpoint", "dataset", "code", "lock", "cost", "image")
        }
        return workflow_request(options.run, **files)
    return standalone_request(options)


def already_measured(output: Path) -> int:
    """Say that there is nothing left to do."""
    print(f"{output}: measured by another process while this one waited")
    return 0


def default_output(request: RunRequest) -> Path:
    """Where a run on its own leaves its record."""
    return Path("results/profile_run", request.checkpoint.name, request.dataset.name, f"{request.key}.json")


def parse_options() -> argparse.Namespace:
    """The command line; ends with a message when it names neither a run nor a folder and a model."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_workflow_options(parser)
    add_standalone_options(parser)
    options = parser.parse_args()
    needed = ("checkpoint", "dataset", "code", "output") if options.run else ("src_folder", "model_name")
    missing = [f"--{name}" for name in needed if getattr(options, name) is None]
    if missing:
        parser.error(
            f"{' and '.join(missing)} missing; give --run with its files, or --src_folder and --model_name"
        )
    return options


if __name__ == "__main__":
    sys.exit(main())
