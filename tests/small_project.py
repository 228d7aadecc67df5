"""A copy of the project with a small study of its own, driven by real Snakemake."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from PIL import Image, ImageDraw
from warm_python import WarmPython

PROJECT = Path(__file__).resolve().parents[1]
SNAKEMAKE = Path(sys.executable).with_name("snakemake")

WARM = WarmPython(
    (
        *("snakemake.cli", "snakemake.workflow", "snakemake.dag", "snakemake.scheduling.job_scheduler"),
        *("snakemake.logging", "snakemake.persistence", "snakemake.executors.local", "snakemake.report"),
        *("snakemake.assets", "snakemake.profiles", "snakemake.storage", "smart_open", "jinja2", "requests"),
        *("pydantic", "msgspec", "yaml", "polars", "scipy.stats"),
    )
)
"""What Snakemake, the rules and light scripts import, but for the project's code, which each copy has."""
PLAN = "import sys; from snakemake.cli import main; main(sys.argv[1:])"
SCRIPT = """
import os, runpy, sys
sys.argv = sys.argv[1:]
sys.path.insert(0, os.path.abspath(os.path.dirname(sys.argv[0])))
runpy.run_path(sys.argv[0], run_name="__main__")
"""
STUDY = {
    "name": "small",
    "container": "none",
    "models": {"tiny": {"tiny": "llava"}},
    "datasets": {"shapes": {"folder": "shapes"}},
    "optimizations": {
        "fp32": {"dtype": "float32"},
        "flash": {"dtype": "float32", "attention": "flash_attention_2"},
    },
    "baseline": {"device": "cpu", "optimization": "fp32", "batch_size": 2, "max_input_len": 1},
    "axes": {"batch_size": {"values": [2, 1]}, "optimization": {"values": ["fp32", "flash"]}},
    "protocol": {"max_new_tokens": 2, "warmup": {"max_batches": 2, "window": 2}, "repeats": {"max_s": 0.1}},
}


@dataclass
class Project:
    """A copy of the project with a study of its own."""

    folder: Path

    def run(
        self, *arguments: str, check: bool = True, preexec: Callable[[], None] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Snakemake in this project on two cores, its output captured; a failure shows the output."""
        command = [str(SNAKEMAKE), "-c", "2", *arguments]
        done = subprocess.run(
            command,
            cwd=self.folder,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            preexec_fn=preexec,
        )
        assert not check or done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
        return done

    def plan(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """A dry run, its output captured; a failure shows the output."""
        done = WARM.run(PLAN, "-c", "2", "-n", *arguments, folder=self.folder)
        assert not check or done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
        return done

    def script(
        self, name: str, *arguments: str, stdin: str = "", check: bool = True
    ) -> subprocess.CompletedProcess[str]:
        """One of the project's scripts, its output captured; a failure shows the output."""
        done = WARM.run(SCRIPT, f"scripts/{name}.py", *arguments, folder=self.folder, stdin=stdin)
        assert not check or done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
        return done

    def planned(self, *arguments: str) -> dict[str, int]:
        """How many jobs of each rule a dry run would run, `all` left out."""
        output = self.plan(*arguments).stdout
        if "Nothing to be done" in output:
            return {}
        table = output[output.rindex("Job stats:") :]
        jobs = {rule: int(count) for rule, count in re.findall(r"^(\w+)\s+(\d+)$", table, re.MULTILINE)}
        return {rule: count for rule, count in jobs.items() if rule not in ("all", "total")}

    def change(self, file: str, old: str, new: str) -> None:
        """Replace text in a file, which must be there."""
        path = self.folder / file
        text = path.read_text()
        assert old in text, f"{old!r} is not in {file}"
        path.write_text(text.replace(old, new, 1))

    def configure(self, **changes: object) -> None:
        """Write config.yaml anew with some sections changed."""
        (self.folder / "config.yaml").write_text(yaml.safe_dump({**STUDY, **changes}, sort_keys=False))

    @property
    def settings(self) -> dict[str, Any]:
        """What config.yaml says."""
        return yaml.safe_load((self.folder / "config.yaml").read_text())

    @property
    def records(self) -> dict[str, bytes]:
        """All records, by path below results/runs."""
        runs = self.folder / "results" / "runs"
        return {str(path.relative_to(runs)): path.read_bytes() for path in sorted(runs.rglob("*.json"))}

    def log_of(self, record: str) -> str:
        """What the run of a record said, the record given by its path below results/runs."""
        return (self.folder / "results/logs/profile_run" / record).with_suffix(".log").read_text()


def new_project(folder: Path) -> Project:
    """The project's code, a folder of images in the reference study's format, and a study of three cells."""
    folder.mkdir()
    for name in ("Snakefile", "rules", "scripts", "envs"):
        source = PROJECT / name
        ignore = shutil.ignore_patterns("__pycache__")
        shutil.copytree(source, folder / name, ignore=ignore) if source.is_dir() else shutil.copy2(
            source, folder / name
        )
    shutil.copytree(PROJECT / "profiles" / "default", folder / "profiles" / "default")
    draw_shapes(folder / "shapes")
    project = Project(folder)
    project.configure()
    return project


def draw_shapes(folder: Path) -> None:
    """Four images with a question each, as samples.json."""
    folder.mkdir()
    entries = []
    for number, colour in enumerate(("red", "green", "blue", "black")):
        image = Image.new("RGB", (32, 32), "white")
        ImageDraw.Draw(image).ellipse((4, 4, 28, 28), fill=colour)
        image.save(folder / f"{number}.png")
        entries.append({"image_path": f"{number}.png", "request": "what colour is it ?", "response": colour})
    (folder / "samples.json").write_text(json.dumps(entries))
