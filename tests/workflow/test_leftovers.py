"""What killed processes left in a results folder goes at the next start; what living ones write stays."""

from __future__ import annotations

from pathlib import Path

from vlm_profiling.record.file_lock import writer_lock
from vlm_profiling.record.files import atomic_path, held
from vlm_profiling.recovery import sweep_leftovers


def test_only_what_nobody_holds_is_removed(tmp_path: Path) -> None:
    for name in (".a.json.x1.tmp", "runs/.b.json.lock", "tables/.runs.parquet.y2.tmp"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"half")
    (tmp_path / "datasets/.shapes.17.new.tmp/images").mkdir(parents=True)
    (tmp_path / "checkpoints/.tiny.z3.tmp").mkdir(parents=True)
    kept = ["results.json", ".lock", "datasets/.hidden"]
    for name in kept:
        (tmp_path / name).write_bytes(b"whole")
    record, checkpoint = tmp_path / "runs/c.json", tmp_path / "checkpoints/.tiny.z4.tmp"
    checkpoint.mkdir()
    with writer_lock(record), atomic_path(record) as temporary, held(checkpoint):
        temporary.write_bytes(b"record")
        sweep_leftovers(tmp_path)
        living = {path.name for path in (temporary, checkpoint, record.with_name(".c.json.lock"))}
        assert {path.name for path in tmp_path.rglob(".*")} == {*living, ".lock", ".hidden"}
    assert record.read_bytes() == b"record"
    assert {path.name for path in tmp_path.rglob("*") if path.is_file()} == {
        "results.json",
        ".lock",
        ".hidden",
        "c.json",
    }
