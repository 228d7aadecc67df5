"""Peak memory over a block of work."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from vlm_profiling.measure.meters import peak_memory as memory
from vlm_profiling.measure.meters.peak_memory import peak_memory

MEGABYTES_200 = 200 * 2**20


def allocate(size: int) -> None:
    np.ones(size, dtype=np.uint8)


def resident_bytes() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096


def test_allocation_inside_the_block_is_seen():
    before = resident_bytes()
    with peak_memory("cpu") as peak:
        allocate(MEGABYTES_200)

    assert peak.memory.peak_process_bytes == pytest.approx(before + MEGABYTES_200, abs=0.1 * MEGABYTES_200)


def test_allocation_before_the_block_is_not():
    allocate(MEGABYTES_200)
    before = resident_bytes()
    with peak_memory("cpu") as peak:
        allocate(2**20)

    assert peak.memory.peak_process_bytes == pytest.approx(before, abs=0.1 * MEGABYTES_200)


def test_what_torch_does_not_count_on_the_cpu_has_a_reason():
    with peak_memory("cpu") as peak:
        pass

    assert peak.memory.peak_allocated_bytes is None
    assert peak.memory.absent.keys() == {"peak_allocated_bytes", "peak_reserved_bytes"}


def proc_folder(tmp_path: Path, *, peak_kib: int | None) -> Path:
    """A /proc/self whose clear_refs cannot be written."""
    (tmp_path / "clear_refs").mkdir(exist_ok=True)
    (tmp_path / "status").write_text("Name:\tpython\n" + (f"VmHWM:\t{peak_kib} kB\n" if peak_kib else ""))
    return tmp_path


def test_peak_from_before_the_block_is_not_reported_where_it_cannot_be_reset(tmp_path, monkeypatch):
    monkeypatch.setattr(memory, "PROC", proc_folder(tmp_path, peak_kib=1000))
    with peak_memory("cpu") as peak:
        pass

    assert peak.memory.peak_process_bytes is None
    assert "older than the pass" in peak.memory.absent["peak_process_bytes"]


def test_new_peak_is_reported_even_where_it_cannot_be_reset(tmp_path, monkeypatch):
    monkeypatch.setattr(memory, "PROC", proc_folder(tmp_path, peak_kib=1000))
    with peak_memory("cpu") as peak:
        proc_folder(tmp_path, peak_kib=3000)

    assert peak.memory.peak_process_bytes == 3000 * 1024


def test_kernel_without_a_peak_is_a_reason(tmp_path, monkeypatch):
    monkeypatch.setattr(memory, "PROC", proc_folder(tmp_path, peak_kib=None))
    with peak_memory("cpu") as peak:
        pass

    assert peak.memory.absent["peak_process_bytes"] == "this kernel keeps no peak of resident memory (VmHWM)"
