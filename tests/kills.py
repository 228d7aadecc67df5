"""Kills at random moments of a study, from its data set to its pages, and the account of what they cost."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Literal
from xml.etree import ElementTree

import polars
from PIL import Image
from small_project import SNAKEMAKE, Project
from undisturbed import differences

Blow = Literal["kill everything", "kill snakemake", "kill one job", "SIGINT", "SIGTERM"]
KILLS: tuple[Blow, ...] = ("kill everything", "kill snakemake", "kill one job")
KILLS_OF_A_STUDY = 25


@dataclass
class Account:
    """What kills hit, and what they cost: all but the first two are promised to be empty."""

    hits: Counter[str] = field(default_factory=Counter)
    """Kills by what was at work: scripts, or Snakemake where none was."""
    studies: int = 0
    """Finished in spite of them."""
    lost: list[str] = field(default_factory=list)
    measured_twice: list[str] = field(default_factory=list)
    half_written: list[str] = field(default_factory=list)
    different: list[str] = field(default_factory=list)
    """Columns of the tables that are not those of a study left alone; or that a finished study had something
    to do.
    """
    left_behind: list[str] = field(default_factory=list)
    """Temporary files in the results of a finished study."""

    @property
    def kills(self) -> int:
        return self.hits.total()

    @property
    def failures(self) -> list[str]:
        return [*self.lost, *self.measured_twice, *self.half_written, *self.different, *self.left_behind]


def kill_studies(
    new: Project,
    undisturbed: Project,
    folder: Path,
    kills: int,
    seed: int,
    *,
    within_s: float,
    blows: tuple[Blow, ...] = KILLS,
) -> Account:
    """Kill copies of a new study, one copy after another, until there were so many kills; each copy is run to
    its end.

    Moments are drawn from the first `within_s` seconds of each start, blows from `blows`.
    """
    moments, account = random.Random(seed), Account()
    while account.kills < kills:
        project = Project(folder / f"study-{account.studies}")
        shutil.copytree(new.folder, project.folder)
        left = min(KILLS_OF_A_STUDY, kills - account.kills)
        _kill_again_and_again(project, left, moments, account, within_s, blows)
        account.different += differences(project.folder / "results", undisturbed.folder / "results")
        account.different += [f"something to do: {rule}" for rule in project.planned()]
        account.left_behind += leftovers(project.folder / "results")
        account.studies += 1
        print(f"{account.kills} kills, {account.studies} studies finished", file=sys.stderr, flush=True)
    return account


def start(project: Project, said: int | IO[str] = subprocess.DEVNULL) -> subprocess.Popen[bytes]:
    """Snakemake in a process group of its own; what it says goes to an open file."""
    command = [str(SNAKEMAKE), "-c", "2", "-q"]
    return subprocess.Popen(
        command, cwd=project.folder, stdout=said, stderr=subprocess.STDOUT, start_new_session=True
    )


def jobs(project: Project) -> dict[int, str]:
    """The scripts at work in this project, whoever started them, by process."""
    found = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            if (entry / "cwd").readlink() != project.folder.resolve():
                continue
            words = (entry / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        scripts = [Path(os.fsdecode(word)) for word in words[:3] if word.endswith(b".py")]
        if scripts and scripts[0].parent.name == "scripts":
            found[int(entry.name)] = scripts[0].stem
    return found


def wait_for_jobs(project: Project) -> None:
    """Until no job of a killed workflow is at work any more."""
    while jobs(project):
        time.sleep(0.1)


def strike(project: Project, process: subprocess.Popen[bytes], blow: Blow) -> str | None:
    """Deal a blow and wait until Snakemake is gone; what was at work, or None where the study had come to its
    end.
    """
    at_work = jobs(project)
    if process.poll() is not None:
        return None
    if blow == "kill one job" and at_work:
        number, script = next(iter(at_work.items()))
        with suppress(ProcessLookupError):
            os.kill(number, signal.SIGKILL)
        process.wait()
        return f"{script} alone"
    if blow == "kill everything":
        os.killpg(process.pid, signal.SIGKILL)
    else:
        process.send_signal(signal.Signals[blow] if blow.startswith("SIG") else signal.SIGKILL)
    process.wait(timeout=120)
    return " and ".join(["snakemake", *sorted(set(at_work.values()))])


@contextmanager
def watched_records(project: Project, account: Account) -> Iterator[None]:
    """Look at every record again and again, and note those that vanish or are replaced after they were
    finished.
    """
    folder, seen, over = project.folder / "results/runs", {}, threading.Event()

    def look() -> None:
        while not over.wait(0.02):
            now = {str(path): path.stat().st_ino for path in folder.rglob("*.json")}
            account.lost += [name for name in seen if name not in now]
            account.measured_twice += [name for name, inode in now.items() if seen.get(name, inode) != inode]
            seen.clear()
            seen.update(now)

    watcher = threading.Thread(target=look, daemon=True)
    watcher.start()
    yield
    over.set()
    watcher.join()


def _kill_again_and_again(
    project: Project,
    kills: int,
    moments: random.Random,
    account: Account,
    within_s: float,
    blows: tuple[Blow, ...],
) -> None:
    finished: dict[str, bytes] = {}
    with watched_records(project, account):
        for _ in range(kills):
            process = start(project)
            moment = time.monotonic() + moments.uniform(0.3, within_s)
            while time.monotonic() < moment and process.poll() is None:
                time.sleep(0.02)
            hit = strike(project, process, moments.choice(blows))
            if hit is None:
                break
            account.hits[hit] += 1
            account.half_written += half_written(project.folder / "results")
            finished = records_kept(project, finished, account)
        project.run()
        wait_for_jobs(project)
        account.half_written += half_written(project.folder / "results")
        records_kept(project, finished, account)


def records_kept(project: Project, finished: dict[str, bytes], account: Account) -> dict[str, bytes]:
    """The records now; notes those of before that are gone or have other bytes."""
    records = project.records
    account.lost += [name for name in finished if name not in records]
    account.measured_twice += [
        name for name, content in finished.items() if records.get(name, content) != content
    ]
    return records


def leftovers(results: Path) -> list[str]:
    """Temporary files, folders and locks that killed jobs left; the workflow's own lock, freed by its end, is
    none.
    """
    return sorted(
        str(path.relative_to(results)) for path in results.rglob(".*") if path.suffix in (".tmp", ".lock")
    )


def half_written(results: Path) -> list[str]:
    """Files in their final place that are not whole, each read as what its name says it is."""
    broken = []
    for path in sorted(results.rglob("*")):
        parts = path.relative_to(results).parts
        check = WHOLE.get(path.suffix)
        if check is None or any(part.startswith(".") for part in parts) or not path.is_file():
            continue
        try:
            whole = check(path)
        except FileNotFoundError:
            continue  # a job that outlived its workflow is replacing a folder
        except (OSError, ValueError, SyntaxError, polars.exceptions.PolarsError):
            whole = False
        if not whole:
            broken.append(str(path.relative_to(results)))
    return broken


def _image(path: Path) -> bool:
    with Image.open(path) as image:
        image.load()
    return True


WHOLE: dict[str, Callable[[Path], bool]] = {
    ".json": lambda path: json.loads(path.read_bytes()) is not None,
    ".jsonl": lambda path: (
        all(map(json.loads, path.read_bytes().splitlines())) and path.read_bytes().endswith(b"\n")
    ),
    ".parquet": lambda path: polars.read_parquet(path).width > 0,
    ".csv": lambda path: path.read_bytes().endswith(b"\n"),
    ".svg": lambda path: ElementTree.parse(path).getroot().tag.endswith("svg"),
    ".png": _image,
    ".html": lambda path: path.read_text().rstrip().endswith("</html>"),
    ".md": lambda path: path.read_bytes().endswith(b"\n"),
}
