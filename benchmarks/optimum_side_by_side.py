#!/usr/bin/env python3
"""The same cell by optimum-benchmark and by this project: latency of generate(), and the wall time that each needs.

    .venv/bin/python benchmarks/optimum_side_by_side.py --environment /tmp/optimum [--rounds 3]

A tiny Qwen2.5-VL, one picture of 112 px and 25 text tokens, 16 new tokens, float32 on the CPU, about 10 s of measuring.
optimum-benchmark needs transformers 4 and so an environment of its own, which is made in the folder where there is none.
The versions of transformers differ, so a bare loop over generate() is timed in each environment too: a harness is judged
against the bare loop beside it, and the two loops against each other tell what the versions make of the same work.
Theirs runs twice, with each of its launchers: under `process`, its default, the parent asks without a pause whether its
child is done (launchers/process/launcher.py), which takes one of a small machine's cores from what is measured; `inline`
measures in the command's own process.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(PROJECT / "scripts"))

PACKAGES = ["optimum-benchmark==0.6.0", "transformers==4.57.6", "datasets==4.8.5", "huggingface_hub==0.36.2", "torch==2.13.0"]
SIDE_PX, TEXT_TOKENS, NEW_TOKENS = 112, 25, 16
QUESTION = "what color is this shape?"
MEASURING_S = 10.0

BARE_LOOP = """
import json, sys, time, torch
from safetensors.torch import load_file
from transformers import AutoModelForImageTextToText
model = AutoModelForImageTextToText.from_pretrained(sys.argv[1], attn_implementation="sdpa").eval()
names = ("input_ids", "attention_mask", "pixel_values", "image_grid_thw", "mm_token_type_ids")
inputs = {name: tensor for name, tensor in load_file(sys.argv[2]).items() if name in names[: 4 + (sys.argv[5] == "5")]}
torch.set_grad_enabled(False)
def once():
    started = time.perf_counter()
    model.generate(**inputs, max_new_tokens=int(sys.argv[3]), min_new_tokens=int(sys.argv[3]), do_sample=False)
    return time.perf_counter() - started
for _ in range(10):
    once()
seconds, began = [], time.perf_counter()
while time.perf_counter() - began < float(sys.argv[4]):
    seconds.append(once())
print(json.dumps(sum(seconds) / len(seconds)))
"""

THEIRS = """
import json, sys
from optimum_benchmark import Benchmark, BenchmarkConfig, InferenceConfig, InlineConfig, ProcessConfig, PyTorchConfig
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
    print(json.dumps(Benchmark.launch(settings).generate.latency.mean))
"""


def main() -> None:
    """Prepare both sides, measure them in turn, print the medians over the rounds."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--environment", type=Path, required=True, help="folder of optimum-benchmark's environment")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    their_python = make_environment(options.environment)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        prepare(folder)
        rows = [one_round(folder, their_python) for _ in range(options.rounds)]
    median = {column: statistics.median(row[column] for row in rows) for column in rows[0]}
    print(f"medians of {options.rounds} rounds, {PACKAGES[0]} beside this project")
    print(f"{'':<24}{'process':>10}{'inline':>10}{'ours':>10}{'ours/process':>14}{'ours/inline':>13}")
    bare = [median["their_bare_s"], median["their_bare_s"], median["our_bare_s"]]
    generate = [median[f"{whose}_s"] for whose in ("process", "inline", "our")]
    wall = [median[f"{whose}_wall_s"] for whose in ("process", "inline", "our")]
    measuring = [MEASURING_S, MEASURING_S, median["our_measuring_s"]]
    print_row("generate(), ms", [1e3 * seconds for seconds in generate])
    print_row("bare loop, ms", [1e3 * seconds for seconds in bare])
    print_row("harness / bare loop", [one / other for one, other in zip(generate, bare, strict=True)])
    print_row("whole command, s", wall)
    print_row("measuring, s", measuring)
    print_row("beside measuring, s", [one - other for one, other in zip(wall, measuring, strict=True)])


def print_row(title: str, figures: list[float]) -> None:
    """One line of the table: both of their launchers, ours, and ours over each of theirs."""
    process, inline, ours = figures
    print(f"{title:<24}{process:>10.3f}{inline:>10.3f}{ours:>10.3f}{ours / process:>14.3f}{ours / inline:>13.3f}")


def make_environment(folder: Path) -> str:
    """The Python of optimum-benchmark's environment, installed first where it is missing."""
    python = folder / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *PACKAGES], check=True)
    return str(python)


def prepare(folder: Path) -> None:
    """The checkpoint, once more with a config that transformers 4 reads, and the inputs as tensors in a file."""
    from PIL import Image
    from safetensors.torch import save_file

    from vlm_profiling.checkpoints.describe import describe_checkpoint
    from vlm_profiling.checkpoints.loader import load_checkpoint
    from vlm_profiling.study.config import ModelConfig

    manifest = describe_checkpoint("qwen", ModelConfig(tiny="qwen2_5_vl"), folder, folder / "qwen")
    loaded = load_checkpoint(manifest, folder, device="cpu", dtype="float32", attention="sdpa")
    picture = Image.new("RGB", (SIDE_PX, SIDE_PX), "red")
    picture.save(folder / "red.png")
    prepared = loaded.family.prepare(loaded.processor, [picture], [QUESTION])
    if prepared.prompt_tokens[0] - prepared.image_tokens[0] != TEXT_TOKENS:
        sys.exit(f"the prompt has {prepared.prompt_tokens[0] - prepared.image_tokens[0]} text tokens, not {TEXT_TOKENS}")
    save_file({name: tensor.contiguous() for name, tensor in prepared.inputs.items()}, folder / "inputs.safetensors")
    old = folder / "qwen-4"
    old.mkdir()
    for file in (folder / "qwen").iterdir():
        (old / file.name).write_bytes(file.read_bytes())
    config = json.loads((old / "config.json").read_text())
    rope = config["text_config"].pop("rope_parameters")
    config["text_config"] |= {"rope_theta": rope["rope_theta"]}
    config["text_config"]["rope_scaling"] = {"type": "default", "rope_type": "default", "mrope_section": rope["mrope_section"]}
    (old / "config.json").write_text(json.dumps(config))


def one_round(folder: Path, their_python: str) -> dict[str, float]:
    """Both bare loops and both harnesses, one after the other."""
    tokens, seconds = str(NEW_TOKENS), str(MEASURING_S)
    inputs = str(folder / "inputs.safetensors")
    row = {
        "our_bare_s": printed([sys.executable, "-c", BARE_LOOP, str(folder / "qwen"), inputs, tokens, "5", "5"], folder),
        "their_bare_s": printed([their_python, "-c", BARE_LOOP, str(folder / "qwen-4"), inputs, tokens, "5", "4"], folder),
    }
    script = folder / "theirs.py"
    script.write_text(THEIRS)
    for launcher in ("process", "inline"):
        command = [their_python, str(script), str(folder / "qwen-4"), launcher, str(SIDE_PX), str(TEXT_TOKENS), tokens, seconds]
        started = time.perf_counter()
        row[f"{launcher}_s"] = printed(command, folder)
        row[f"{launcher}_wall_s"] = time.perf_counter() - started
    return row | our_cell(folder, row["our_bare_s"])


def our_cell(folder: Path, generate_s: float) -> dict[str, float]:
    """profile_run.py on as many samples as fill the measuring time: headline and stages pass, a quarter for the repeats."""
    from vlm_profiling.gpu_check.figures import measuring_s
    from vlm_profiling.record.files import read_record

    samples = max(30, round(0.75 * MEASURING_S / 2 / generate_s))
    asked = [{"image_path": "red.png", "request": QUESTION, "response": "red"}] * samples
    (folder / "samples.json").write_text(json.dumps(asked))
    script = str(PROJECT / "scripts" / "profile_run.py")
    command = [sys.executable, script, "--src_folder", ".", "--model_name", "qwen", "--device", "cpu", "--optimization", "fp32"]
    command += ["--cached", "--max_new_tokens", str(NEW_TOKENS), "--min_new_tokens", str(NEW_TOKENS), "--output", "ours.json"]
    started = time.perf_counter()
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    wall_s = time.perf_counter() - started
    record = read_record(folder / "ours.json")
    assert record.headline, record.failure
    assert {batch.generated_tokens for batch in record.batches} == {NEW_TOKENS}
    return {"our_s": record.headline.generate.mean_s, "our_wall_s": wall_s, "our_measuring_s": measuring_s(record)}


def printed(command: list[str], folder: Path) -> float:
    """The number on the last line that a command prints; what else it leaves, it leaves in the folder."""
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "TRANSFORMERS_VERBOSITY": "error"}
    shown = subprocess.run(command, check=True, capture_output=True, text=True, env=environment, cwd=folder).stdout
    return float(shown.split()[-1])


if __name__ == "__main__":
    main()
