#!/usr/bin/env python3
"""The same cell by optimum-benchmark and by this project: latency of generate(), and the wall time that each
needs.

    .venv/bin/python benchmarks/optimum_side_by_side.py --environment /tmp/optimum [--rounds 3]

A tiny Qwen2.5-VL, one image of 112 px and 25 text tokens, 16 new tokens, float32 on the CPU, about 10 s of
measuring. optimum-benchmark needs transformers 4 and so an environment of its own, which is made in the
folder where there is none. The versions of transformers differ, so a bare loop over generate() is timed in
each environment too: a harness is judged against the bare loop beside it, and the two loops against each
other tell what the versions make of the same work. Theirs runs twice, with each of its launchers: under
`process`, its default, the parent asks without a pause whether its child is done
(launchers/process/launcher.py), which takes one of a small machine's cores from what is measured; `inline`
measures in the command's own process. It calls generate() in inference mode and without an attention mask, so
a second bare loop does as it does. Ours runs three times: for as long as theirs measures, and on as many
samples as are needed, by the noise of the bare loop, for a mean known as well as either of theirs; the
half-width printed is of the 95 % interval of the mean, for all of them.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

PROJECT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(PROJECT / "scripts"))

PACKAGES = [
    "optimum-benchmark==0.6.0",
    "transformers==4.57.6",
    "datasets==4.8.5",
    "huggingface_hub==0.36.2",
    "torch==2.13.0",
]
SIDE_PX, TEXT_TOKENS, NEW_TOKENS = 112, 25, 16
QUESTION = "what color is this shape?"
MEASURING_S = 10.0
LAUNCHERS = ("process", "inline")
LEAST_SAMPLES = 16
"""Of a cell of ours, one call of generate() each, however few would do."""
PASSES = 4
"""What a run takes in all, in units of its headline: that, the stages pass, and the repeats at their default
share.
"""

BARE_LOOP = """
import json, sys, time, torch
from safetensors.torch import load_file
from transformers import AutoModelForImageTextToText
model = AutoModelForImageTextToText.from_pretrained(sys.argv[1], attn_implementation="sdpa").eval()
names = sys.argv[5].split(",")
inputs = {name: tensor for name, tensor in load_file(sys.argv[2]).items() if name in names}
torch.set_grad_enabled(False)
if "attention_mask" not in names:
    torch.inference_mode().__enter__()
def once():
    started = time.perf_counter()
    tokens = int(sys.argv[3])
    model.generate(**inputs, max_new_tokens=tokens, min_new_tokens=tokens, do_sample=False)
    return time.perf_counter() - started
for _ in range(10):
    once()
seconds, began = [], time.perf_counter()
while time.perf_counter() - began < float(sys.argv[4]):
    seconds.append(once())
print(json.dumps(seconds))
"""

THEIRS = """
import json, sys
from optimum_benchmark import Benchmark, BenchmarkConfig, InferenceConfig
from optimum_benchmark import InlineConfig, ProcessConfig, PyTorchConfig
if __name__ == "__main__":
    folder, launcher, side, text_tokens, new_tokens, seconds = *sys.argv[1:3], *map(float, sys.argv[3:])
    named = {"task": "image-text-to-text", "library": "transformers", "model_type": "qwen2_vl"}
    backend = PyTorchConfig(model=folder, device="cpu", torch_dtype="float32", **named)
    shapes = {"batch_size": 1, "sequence_length": int(text_tokens), "num_images": 1, "num_channels": 3}
    scenario = InferenceConfig(
        latency=True,
        duration=seconds,
        input_shapes={**shapes, "height": int(side), "width": int(side)},
        generate_kwargs={"max_new_tokens": int(new_tokens), "min_new_tokens": int(new_tokens)},
    )
    launched = {"process": ProcessConfig, "inline": InlineConfig}[launcher]()
    settings = BenchmarkConfig(name="cell", scenario=scenario, launcher=launched, backend=backend)
    print(json.dumps(Benchmark.launch(settings).generate.latency.values))
"""

THEIR_INPUTS = ("input_ids", "pixel_values", "image_grid_thw")
INPUTS = {"theirs as it calls": THEIR_INPUTS, "theirs": (*THEIR_INPUTS, "attention_mask")}
INPUTS["ours"] = (*INPUTS["theirs"], "mm_token_type_ids")
"""Inputs of generate() in each bare loop: transformers 4 takes no mm_token_type_ids."""


def main() -> None:
    """Prepare both sides, measure them in turn, print the medians over the rounds."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--environment", type=Path, required=True, help="folder of optimum-benchmark's environment"
    )
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    their_python = make_environment(options.environment)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        prepare(folder)
        rounds = [one_round(folder, their_python) for _ in range(options.rounds)]
    print(f"medians of {options.rounds} rounds, {PACKAGES[0]} beside this project")
    print(
        f"{'':<28}{'generate(), ms':>16}{'half-width':>12}{'calls':>7}{'command, s':>12}"
        f"{'measuring, s':>14}{'beside it, s':>14}"
    )
    for name in rounds[0]:
        print_row(name, [cells[name] for cells in rounds])


class RunRow(NamedTuple):
    """What one harness, or one bare loop, told of generate(), and the time that it took."""

    mean_s: float
    half_width: float
    """Of the 95 % interval of the mean, as a share of the mean."""
    calls: int
    """Calls of generate() that the mean is of."""
    command_s: float | None = None
    measuring_s: float | None = None


def print_row(name: str, cells: list[RunRow]) -> None:
    """One line of the table: medians over the rounds."""
    mean_s, half_width, calls = (statistics.median(column) for column in list(zip(*cells, strict=True))[:3])
    line = f"{name:<28}{1e3 * mean_s:>16.2f}{half_width:>12.2%}{calls:>7.0f}"
    commands, measuring = (
        [value for cell in cells if (value := cell[column]) is not None] for column in (3, 4)
    )
    if commands:
        command_s, measuring_s = statistics.median(commands), statistics.median(measuring)
        line += f"{command_s:>12.1f}{measuring_s:>14.1f}{command_s - measuring_s:>14.1f}"
    print(line)


def make_environment(folder: Path) -> str:
    """The Python of optimum-benchmark's environment, installed first where it is missing."""
    python = folder / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *PACKAGES], check=True)
    return str(python)


def prepare(folder: Path) -> None:
    """The checkpoint, again with a config that transformers 4 reads, and the inputs as tensors in a file."""
    from PIL import Image
    from safetensors.torch import save_file

    from vlm_profiling.engines.transformers.loader import load_checkpoint
    from vlm_profiling.models.describe import describe_checkpoint
    from vlm_profiling.study.inputs import ModelConfig

    manifest = describe_checkpoint("qwen", ModelConfig(tiny="qwen2_5_vl"), folder, folder / "qwen")
    loaded = load_checkpoint(manifest, folder, device="cpu", dtype="float32", attention="sdpa")
    image = Image.new("RGB", (SIDE_PX, SIDE_PX), "red")
    image.save(folder / "red.png")
    prepared = loaded.family.prepare(loaded.processor, [image], [QUESTION])
    if prepared.prompt_tokens[0] - prepared.image_tokens[0] != TEXT_TOKENS:
        sys.exit(
            f"the prompt has {prepared.prompt_tokens[0] - prepared.image_tokens[0]} text "
            f"tokens, not {TEXT_TOKENS}"
        )
    save_file(
        {name: tensor.contiguous() for name, tensor in prepared.inputs.items()}, folder / "inputs.safetensors"
    )
    old = folder / "qwen-4"
    old.mkdir()
    for file in (folder / "qwen").iterdir():
        (old / file.name).write_bytes(file.read_bytes())
    config = json.loads((old / "config.json").read_text())
    rope = config["text_config"].pop("rope_parameters")
    config["text_config"] |= {"rope_theta": rope["rope_theta"]}
    config["text_config"]["rope_scaling"] = {
        "type": "default",
        "rope_type": "default",
        "mrope_section": rope["mrope_section"],
    }
    (old / "config.json").write_text(json.dumps(config))


def one_round(folder: Path, their_python: str) -> dict[str, RunRow]:
    """The bare loops, both launchers of theirs, and ours as long as theirs and as sure as each, one after the
    other.
    """
    tokens, seconds = str(NEW_TOKENS), str(MEASURING_S)
    cells = {}
    for name, inputs in INPUTS.items():
        python, checkpoint = (sys.executable, "qwen") if name == "ours" else (their_python, "qwen-4")
        loop = [
            python,
            "-c",
            BARE_LOOP,
            str(folder / checkpoint),
            str(folder / "inputs.safetensors"),
            tokens,
            "5",
        ]
        cells[f"bare loop, {name}"] = RunRow(*known_mean(printed([*loop, ",".join(inputs)], folder)))
    script = folder / "theirs.py"
    script.write_text(THEIRS)
    for launcher in LAUNCHERS:
        command = [
            their_python,
            str(script),
            str(folder / "qwen-4"),
            launcher,
            str(SIDE_PX),
            str(TEXT_TOKENS),
            tokens,
            seconds,
        ]
        started = time.perf_counter()
        measured = printed(command, folder)
        cells[f"theirs, {launcher}"] = RunRow(
            *known_mean(measured), time.perf_counter() - started, sum(measured)
        )
    bare = cells["bare loop, ours"]
    cells["ours, as long"] = our_cell(folder, round(MEASURING_S / PASSES / bare.mean_s))
    for launcher in LAUNCHERS:
        enough = math.ceil(bare.calls * (bare.half_width / cells[f"theirs, {launcher}"].half_width) ** 2)
        cells[f"ours, as sure as {launcher}"] = our_cell(folder, max(LEAST_SAMPLES, enough))
    return cells


def our_cell(folder: Path, samples: int) -> RunRow:
    """profile_run.py on so many samples, the settings else as they come."""
    from measuring_time import measuring_s

    from vlm_profiling.record.files import read_record

    asked = [{"image_path": "red.png", "request": QUESTION, "response": "red"}] * samples
    (folder / "samples.json").write_text(json.dumps(asked))
    script = str(PROJECT / "scripts" / "profile_run.py")
    command = [
        sys.executable,
        script,
        "--src_folder",
        ".",
        "--model_name",
        "qwen",
        "--device",
        "cpu",
        "--optimization",
        "fp32",
    ]
    command += [
        "--cached",
        "--max_new_tokens",
        str(NEW_TOKENS),
        "--min_new_tokens",
        str(NEW_TOKENS),
        "--output",
        "ours.json",
    ]
    started = time.perf_counter()
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    wall_s = time.perf_counter() - started
    record = read_record(folder / "ours.json")
    assert record.headline, record.failure
    assert {batch.generated_tokens for batch in record.batches} == {NEW_TOKENS}
    told = known_mean([batch.generate_s for batch in record.batches])
    return RunRow(*told, wall_s, measuring_s(record))


def known_mean(seconds: list[float]) -> tuple[float, float, int]:
    """The mean, the half-width of its 95 % interval as records have it, as a share of it, and how many values
    it is of.
    """
    from vlm_profiling.statistics.intervals import mean_interval

    interval = mean_interval(seconds)
    assert interval
    return interval.mean, (interval.high - interval.low) / 2 / interval.mean, len(seconds)


def printed(command: list[str], folder: Path) -> list[float]:
    """The seconds on the last line that a command prints; what else it leaves, it leaves in the folder."""
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "TRANSFORMERS_VERBOSITY": "error"}
    shown = subprocess.run(
        command, check=True, capture_output=True, text=True, env=environment, cwd=folder
    ).stdout
    return json.loads(shown.splitlines()[-1])


if __name__ == "__main__":
    main()
