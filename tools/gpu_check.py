#!/usr/bin/env python3
"""Check on a GPU machine what was written for GPUs: two studies, run by Snakemake, and figures with bounds.

    make gpu-check                       # where the project is installed; ARGS="--device cpu" rehearses
    tools/gpu_check.py --wheels gpu-wheels --steps models overhead      # on a machine with torch alone

Everything is written below results/gpu-check (docs/gpu-check.md). A second call goes on where one ended.
Exit status 0: every step is done and every known figure holds; 1: not so; 2: there is no such device.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import polars

PROJECT = Path(__file__).resolve().parents[1]
RESULTS = Path("results", "gpu-check")
"""Relative to the project, as in the studies."""
STEPS = ("models", "again", "overhead", "tiny")
SIDE_BY_SIDE = ("--resources", "gpu=8", "turn=8", "--set-threads", "profile_run=1")
"""Of Snakemake: cells that share the GPU, since their outcomes count and their times do not."""
TABLES = {
    "merge_runs": ("runs", "costs"),
    "compute_roofline": ("runs", "costs", "ceilings"),
    "audit_runs": ("runs", "costs", "ceilings"),
}
"""The scripts that make tables of the records that are there, and the folders that each reads."""
PAIRS = 40
TO_STOP_S = 60.0
HAS_DEVICE = """
import sys, torch
if sys.argv[1] == "cuda" and not torch.cuda.is_available():
    sys.exit(f"torch {torch.__version__} sees no CUDA GPU here (built for CUDA {torch.version.cuda or 'no'})")
torch.ones(1, device=sys.argv[1]).item()
"""

OVERHEAD_BOUNDS: dict[str, tuple[str, Callable[[float], bool]]] = {
    "headline / bare": ("at most 1.005", lambda ratio: ratio <= 1.005),
    "stages / headline": ("at most 1.02", lambda ratio: ratio <= 1.02),
    "sum of stages / end to end": ("0.98 to 1.02", lambda ratio: 0.98 <= ratio <= 1.02),
}
"""Of the ratios that benchmarks/pass_overhead.py writes."""


@dataclass(frozen=True)
class Verdict:
    """A figure and whether it holds its bound; None without a bound, and where the figure is not known."""

    figure: str
    value: str
    bound: str = ""
    holds: bool | None = None


def main() -> int:
    """Run the steps asked for, then print what they found."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--device", choices=["cuda", "cpu"], default="cuda")
    parser.add_argument(
        "--minutes", type=float, default=30.0, help="for all of it; what is not done is cut off"
    )
    parser.add_argument("--steps", nargs="*", choices=STEPS, default=STEPS, help="by default all")
    parser.add_argument(
        "--wheels", type=Path, help="wheels of what this Python lacks, from `make gpu-wheels`"
    )
    options = parser.parse_args()
    deadline_s = time.monotonic() + 60 * options.minutes
    wheels = options.wheels and options.wheels.resolve()
    os.chdir(PROJECT)
    with tempfile.TemporaryDirectory() as packages:
        if wheels:
            print(
                f"from wheels: {', '.join(install_missing(wheels, Path(packages))) or 'nothing'}", flush=True
            )
            sys.path.append(packages)
            os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [os.environ.get("PYTHONPATH"), packages]))
        if subprocess.run([sys.executable, "-c", HAS_DEVICE, options.device]).returncode:
            return 2
        done = {step: run_step(step, options.device, deadline_s) for step in options.steps}
        summary, verdicts = summarise()
    (RESULTS / "summary.md").write_text(summary)
    print(summary)
    for step, whole in done.items():
        print(f"{step}: {'done' if whole else 'not finished; call again to go on'}")
    return int(not all(done.values()) or any(verdict.holds is False for verdict in verdicts))


def run_step(step: str, device: str, deadline_s: float) -> bool:
    """Whether a step came to its end before a deadline of time.monotonic()."""
    if step == "overhead":
        return call(deadline_s, *overhead_command(device))
    study = ["--profile", "profiles/gpu-check", "--configfile"]
    study.append(f"profiles/gpu-check/{device}/{'tiny' if step == 'tiny' else 'models'}.yaml")
    snakemake = [sys.executable, "-m", "snakemake"]
    if step == "again":
        first = next(iter(table("models", "runs").iter_rows(named=True)))
        (record,) = Path(RESULTS, "models/runs").rglob(f"*-{first['key']}.json")
        again = RESULTS / "again" / record.relative_to(RESULTS / "models")
        return call(deadline_s, *snakemake, str(again), *study, "--config", f"results={RESULTS}/again")
    done = call(deadline_s, *snakemake, *study, *(SIDE_BY_SIDE if step == "tiny" else ()))
    if not done:  # of the records that are there
        folder = RESULTS / step
        for script, inputs in TABLES.items():
            read = [word for name in inputs for word in (f"--{name}", str(folder / name))]
            common = ("--study", str(folder / "study.json"), "--output", str(folder / "tables"))
            subprocess.run([sys.executable, f"scripts/{script}.py", *common, *read])
    return done


def overhead_command(device: str) -> list[str]:
    """benchmarks/pass_overhead.py on the first model of the study of models."""
    first = next(iter(table("models", "runs").iter_rows(named=True)))
    folder = RESULTS / "models"
    return [
        *(sys.executable, "benchmarks/pass_overhead.py", "--device", device, "--pairs", str(PAIRS)),
        *("--checkpoint", str(folder / "checkpoints" / f"{first['model']}.json")),
        *("--dataset", str(folder / "datasets" / first["dataset"] / "manifest.json")),
        *("--dtype", first["optimization_dtype"], "--output", str(RESULTS / "overhead.json")),
    ]


def call(deadline_s: float, *command: str) -> bool:
    """Whether a command succeeded in time; one that did not is interrupted, and what it finished is kept."""
    process = subprocess.Popen(command, start_new_session=True)
    try:
        return process.wait(max(deadline_s - time.monotonic(), 0)) == 0
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(TO_STOP_S)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        return False


def summarise() -> tuple[str, list[Verdict]]:
    """The machine, the verdicts, the outcomes of the tiny study and the audits' findings, as Markdown."""
    import polars

    models, tiny = table("models", "runs"), table("tiny", "runs")
    verdicts = [*overhead_verdicts(), *models_verdicts(models), *again_verdicts(), *tiny_verdicts(tiny)]
    answer = {True: "yes", False: "**no**", None: ""}
    lines = [f"# GPU check: {machine(polars.concat([models, tiny], how='diagonal_relaxed'))}", ""]
    lines += ["| figure | value | bound | holds |", "|---|---|---|---|"]
    lines += [f"| {v.figure} | {v.value} | {v.bound} | {answer[v.holds]} |" for v in verdicts]
    lines += ["", "| tiny model | optimization | status | reason |", "|---|---|---|---|"]
    for row in tiny.select("model", "optimization", "status", "failure_reason").iter_rows():
        lines.append("| " + " | ".join((value or "").replace("|", "/") for value in row) + " |")
    lines += ["", "Audits of the models that do not pass:", ""]
    for row in (
        table("models", "audits").filter(polars.col("verdict").is_in(["warn", "fail"])).iter_rows(named=True)
    ):
        lines.append(f"- {row['verdict']}: {row['audit']}, {place(row)}: {row['evidence']}")
    return "\n".join(lines) + "\n", verdicts


def table(study: str, name: str) -> polars.DataFrame:
    """A table of one of the studies."""
    import polars

    return polars.read_parquet(RESULTS / study / "tables" / f"{name}.parquet")


def machine(runs: polars.DataFrame) -> str:
    """The device and the versions of the first run with figures."""
    for run in runs.iter_rows(named=True):
        if run["status"] == "ok":
            packages = json.loads(run["environment_packages"])
            versions = ", ".join(f"{name} {packages[name]}" for name in ("torch", "transformers"))
            return f"{run['environment_gpu_name'] or run['environment_cpu']}, {versions}"
    return "no run with figures"


def place(row: dict[str, Any]) -> str:
    """The cell of a row, in words."""
    return f"{row['model']}, {row['optimization']}, batch {row['batch_size']}"


def overhead_verdicts() -> Iterator[Verdict]:
    """The overhead of the passes, from benchmarks/pass_overhead.py."""
    path = RESULTS / "overhead.json"
    measured = json.loads(path.read_text()) if path.exists() else {}
    for model, ratios in measured.items():
        for name, (bound, holds) in OVERHEAD_BOUNDS.items():
            median, low, high = ratios[name]
            yield Verdict(name, f"{median:.4f} [{low:.4f}, {high:.4f}], {model}", bound, holds(median))


def models_verdicts(runs: polars.DataFrame) -> Iterator[Verdict]:
    """What the runs of the full-size models say: of each figure the worst run."""
    import polars

    ok = runs.filter(polars.col("status") == "ok").to_dicts()
    roofline = table("models", "roofline")
    datasheet = roofline.filter(polars.col("ceiling") == "datasheet").to_dicts()
    decode = roofline.filter(
        (polars.col("ceiling") == "measured") & (polars.col("stage") == "decode")
    ).to_dicts()
    percent, seconds = "{:.2%}".format, "{:.1f} s".format
    yield worst(
        "end to end in no stage", ok, lambda run: abs(run["stages_unattributed_share"]), 0.02, percent
    )
    yield worst(
        "overhead of instrumented stages, in runs",
        ok,
        lambda run: run["stages_instrumentation_overhead_mean"] - 1,
        0.02,
        percent,
    )
    yield worst(
        "energy counter against integrated power",
        ok,
        lambda run: abs(run["energy_gpu_second_meter_j"] / run["energy_gpu_gross_j"] - 1),
        0.02,
        percent,
    )
    yield worst(
        "uncertainty of energy", ok, lambda run: run["energy_gpu_relative_uncertainty"], 0.02, percent
    )
    yield worst("MFU by datasheet", datasheet, lambda row: row["mfu"], 1.0, percent)
    yield worst("MBU by datasheet", datasheet, lambda row: row["mbu"], 1.0, percent)
    yield worst("model loaded", ok, lambda run: run["load_s"], 20.0, seconds)
    yield worst("noise between repeats", ok, lambda run: run["repeats_noise"], None, percent)
    yield worst(
        "decode over its bytes / measured bandwidth",
        decode,
        lambda row: row["time_s"] / row["memory_floor_s"],
        None,
        "{:.2f}".format,
    )


def worst(
    figure: str,
    rows: list[dict[str, Any]],
    take: Callable[[dict[str, Any]], float],
    limit: float | None,
    show: Callable[[float], str],
) -> Verdict:
    """The largest value among rows, against a limit; a row where a part of it is None has no value."""
    found = []
    for row in rows:
        with contextlib.suppress(TypeError):
            found.append((0.0 + take(row), row))
    bound = "" if limit is None else f"at most {show(limit)}"
    if not found:
        return Verdict(figure, "no run has it", bound)
    value, row = max(found, key=lambda pair: pair[0])
    return Verdict(
        figure, f"at most {show(value)}, {place(row)}", bound, None if limit is None else value <= limit
    )


def again_verdicts() -> Iterator[Verdict]:
    """The first cell measured twice, in two processes."""
    pairs = [
        (
            json.loads(Path(RESULTS, "models", path.relative_to(RESULTS / "again")).read_text()),
            json.loads(path.read_text()),
        )
        for path in Path(RESULTS, "again/runs").rglob("*.json")
    ]
    for first, second in pairs:
        latency = second["headline"]["generate"]["mean_s"] / first["headline"]["generate"]["mean_s"]
        yield Verdict(
            "same cell twice, latency", f"{latency:.4f} of the first", "within 2 %", abs(latency - 1) <= 0.02
        )
        joules = [(run.get("energy") or {}).get("gpu") for run in (first, second)]
        if joules[0] and joules[1]:
            energy = joules[1]["per_sample_j"] / joules[0]["per_sample_j"]
            yield Verdict(
                "same cell twice, energy", f"{energy:.4f} of the first", "within 3 %", abs(energy - 1) <= 0.03
            )


def tiny_verdicts(runs: polars.DataFrame) -> Iterator[Verdict]:
    """Whether every optimization of the tiny models has an outcome, and compiled where it was to."""
    import polars

    bad = runs.filter(~polars.col("status").is_in(["ok", "unsupported"])).to_dicts()
    value = "; ".join(f"{place(row)}: {row['status']}" for row in bad) or f"{runs.height} runs"
    yield Verdict("tiny models", value, "ok or unsupported", not bad)
    compiled = runs.filter(
        (polars.col("status") == "ok") & polars.col("optimization_compile").cast(polars.Boolean)
    )
    graphs = compiled["checkpoint_compiled_frames"].to_list()
    holds = min(graphs) > 0 if graphs else None
    yield Verdict(
        "compiled graphs", f"at least {min(graphs)}" if graphs else "no compiled run", "at least 1", holds
    )


def install_missing(wheels: Path, target: Path) -> list[str]:
    """Install those wheels into `target` whose package this Python lacks; returns their names."""
    names = sorted({path.name.split("-")[0].replace("_", "-").lower() for path in wheels.glob("*.whl")})
    if not names:
        sys.exit(f"gpu_check: {wheels} holds no wheels; `make gpu-wheels` fetches them")
    missing = [name for name in names if not _installed(name)]
    if missing:
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--no-index"]
        subprocess.run(
            [*pip, "--no-deps", "--find-links", str(wheels), "--target", str(target), *missing], check=True
        )
    return missing


def _installed(name: str) -> bool:
    try:
        metadata.version(name)
    except metadata.PackageNotFoundError:
        return False
    return True


if __name__ == "__main__":
    sys.exit(main())
