#!/usr/bin/env python3
"""What the workflow costs Snakemake: finished studies planned again, beside as many trivial jobs of the same
shape.

Every output is an empty stand-in that Snakemake recorded as made (--touch), so that only planning is timed;
checkpoints have manifests, which the memory asked for a run is read from.

    .venv/bin/python benchmarks/workflow_speed.py [--cells 10000] [--repeats 3]

Prints `snakemake -n -q` of the reference study with nothing to do (aim <= 2 s), and of a study of CELLS cells
against CELLS trivial jobs with as many inputs, half of them made by a rule, side by side (aim: ratio <= 1.3).
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import yaml

PROJECT = Path(__file__).resolve().parents[1]


def main() -> None:
    """Build the two finished studies and the trivial workflow, time their planning, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cells", type=int, default=10_000)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        reference = finished_study(Path(folder, "reference"), PROJECT / "config.yaml")
        seconds = [plan_s(reference) for _ in range(options.repeats)]
        print(f"reference study, nothing to do: snakemake -n -q takes {statistics.median(seconds):.2f} s")
        large = finished_study(Path(folder, "large"), large_config(Path(folder, "large.yaml"), options.cells))
        trivial = trivial_workflow(Path(folder, "trivial"), options.cells)
        pairs = [(plan_cpu_s(large), plan_cpu_s(trivial)) for _ in range(options.repeats)]
        ratio = statistics.median(ours / theirs for ours, theirs in pairs)
        ours, theirs = (statistics.median(column) for column in zip(*pairs, strict=True))
        print(
            f"{options.cells} cells: {ours:.1f} s of processor time; as many trivial jobs: "
            f"{theirs:.1f} s; ratio {ratio:.2f}"
        )


def snakemake(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run Snakemake in a folder; raises with its output when it fails."""
    command = [str(Path(sys.executable).with_name("snakemake")), *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stdout[-3000:]}{done.stderr[-3000:]}")
    return done


def plan_s(folder: Path) -> float:
    """Seconds of a quiet dry run that finds nothing to do."""
    started = time.perf_counter()
    snakemake(folder, "-n", "-q", "-c", "1")
    return time.perf_counter() - started


def plan_cpu_s(folder: Path) -> float:
    """Processor seconds of the same dry run: a ratio of them stands whatever else the machine does."""
    before = os.times()
    plan_s(folder)
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system


def finished_study(folder: Path, config: Path) -> Path:
    """A copy of the project in which every output of the study exists and is up to date, on the host: no
    image is built.
    """
    folder.mkdir()
    for name in ("Snakefile", "rules", "scripts", "envs"):
        source = PROJECT / name
        shutil.copytree(source, folder / name) if source.is_dir() else shutil.copy(source, folder / name)
    settings = yaml.safe_load(config.read_text()) | {"container": "none", "cpu_container": "none"}
    (folder / "config.yaml").write_text(yaml.safe_dump(settings, sort_keys=False))
    identity = {
        "name": "model",
        "source": "tiny:llava",
        "model_type": "llava",
        "architecture": "",
        "family": "llava",
    }
    manifest = json.dumps({**identity, "content_sha256": "0" * 64, "weight_bytes": 1}).encode()
    outputs = snakemake(folder, "-n", "--summary", "-c", "1").stdout.splitlines()[1:]
    for line in outputs:
        path = folder / line.split("\t")[0]
        if not path.suffix:
            path.mkdir(parents=True, exist_ok=True)
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(manifest if path.parent.name == "checkpoints" else b"")
    return mark_finished(folder)


def mark_finished(folder: Path) -> Path:
    """Let Snakemake record every existing output as made; raises when a job would still be left to run."""
    snakemake(folder, "--touch", "-q", "-c", "1")
    done = snakemake(folder, "-n", "-c", "1")
    if "Nothing to be done" not in done.stdout + done.stderr:
        raise SystemExit(f"jobs are left to run:\n{done.stdout[-3000:]}")
    return folder


def large_config(path: Path, cells: int) -> Path:
    """A study of about `cells` cells: models x batch sizes x image sizes."""
    models = max(1, cells // 2500)
    batch_sizes, image_sizes = list(range(1, 51)), list(range(32, 32 + cells // models // 50))
    lines = ["name: large", "models:", *(f"  model{number}: {{tiny: llava}}" for number in range(models))]
    lines += ["datasets: {easy-vqa: {package: easy-vqa, samples: 8}}"]
    lines += [
        "baseline: {device: cpu, optimization: fp32, batch_size: 1, image_size: 32}",
        "grid: product",
        "axes:",
    ]
    lines += [f"  batch_size: {{values: {batch_sizes}}}", f"  image_size: {{values: {image_sizes}}}"]
    path.write_text("\n".join(lines) + "\n")
    return path


def trivial_workflow(folder: Path, jobs: int) -> Path:
    """As many finished jobs of the same shape: three given inputs, three made by a rule, a log, a parameter,
    gathered by one.
    """
    folder.mkdir()
    inputs = [f"{kind}{number}.txt" for kind in ("given", "made/") for number in range(3)]
    (folder / "Snakefile").write_text(
        f"JOBS = range({jobs})\n"
        'rule all:\n    input: "all.txt"\n'
        'rule gather:\n    input: expand("out/{job}.txt", job=JOBS)\n'
        '    output: "all.txt"\n    shell: "touch {output}"\n'
        'rule make:\n    output: "made/{name}.txt"\n    shell: "touch {output}"\n'
        f'rule work:\n    input: {str(inputs)[1:-1]}\n    output: "out/{{job}}.txt"\n'
        '    log: "logs/{job}.log"\n    params: value=lambda wildcards: wildcards.job\n'
        '    shell: "echo {params.value} > {output}"\n'
    )
    names = [*inputs, *(f"out/{job}.txt" for job in range(jobs)), "all.txt"]
    for name in names:
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).touch()
    return mark_finished(folder)


if __name__ == "__main__":
    main()
