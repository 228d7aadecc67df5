"""Locks die with their process; of two writers of one file the second finds the work done."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from vlm_profiling.record.file_lock import LockedError, hold_lock, writer_lock

HOLD = """
import sys, time
from pathlib import Path
from vlm_profiling.record.file_lock import hold_lock, writer_lock
path = Path(sys.argv[1])
if sys.argv[2] == "lock":
    held = hold_lock(path)
    print("held", flush=True)
    time.sleep(60)
with writer_lock(path):
    print("held", flush=True)
    time.sleep(0.5)
    path.write_text("theirs")
"""


def other_process(path: Path, what: str) -> subprocess.Popen[str]:
    environment = {"PYTHONPATH": str(Path(__file__).resolve().parents[2] / "scripts")}
    command = [sys.executable, "-c", HOLD, str(path), what]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
    assert process.stdout and process.stdout.readline() == "held\n"
    return process


def test_a_held_lock_is_refused_until_its_process_is_killed(tmp_path: Path) -> None:
    process = other_process(tmp_path / "lock", "lock")
    with pytest.raises(LockedError, match="lock is locked by another process"):
        hold_lock(tmp_path / "lock")
    process.kill()
    process.wait()
    hold_lock(tmp_path / "lock").close()


def test_the_second_writer_waits_and_finds_the_work_done(tmp_path: Path) -> None:
    target = tmp_path / "record.json"
    process = other_process(target, "turn")
    with writer_lock(target) as written_meanwhile:
        assert written_meanwhile
        assert target.read_text() == "theirs"
    assert process.wait() == 0
    assert list(tmp_path.iterdir()) == [target]


def test_a_file_from_before_is_no_work_done_meanwhile(tmp_path: Path) -> None:
    target = tmp_path / "record.json"
    target.write_text("old")
    with writer_lock(target) as written_meanwhile:
        assert not written_meanwhile
    assert list(tmp_path.iterdir()) == [target]


def test_a_writer_that_was_killed_blocks_nobody(tmp_path: Path) -> None:
    process = other_process(tmp_path / "record.json", "turn")
    process.kill()
    process.wait()
    with writer_lock(tmp_path / "record.json") as written_meanwhile:
        assert not written_meanwhile
