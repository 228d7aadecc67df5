"""Every shape of inputs runs once before what is timed, where libraries plan their kernels by shape."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from vlm_profiling.measure.passes import headline as passes
from vlm_profiling.measure.passes.headline import InputBatch, Session, run_each_shape, warm_up
from vlm_profiling.study.config import WarmupConfig

MakeSession = Callable[..., tuple[Session, list[InputBatch]]]


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Rows of the batches that run, in their order."""
    rows: list[int] = []
    real = passes.run_batch

    def noted(session: Session, batch: InputBatch) -> Any:
        result = real(session, batch)
        rows.append(result.times.rows)
        return result

    monkeypatch.setattr(passes, "run_batch", noted)
    return rows


def test_one_batch_of_each_shape_runs(session_for: MakeSession, ran: list[int]) -> None:
    session, (three, one) = session_for(batch_size=3)

    assert run_each_shape(session, [three, one, three, one]) == (2, 2)
    assert ran == [3, 1], "each once, in the order of the batches"


def test_no_further_shape_begins_after_the_cap(session_for: MakeSession, ran: list[int]) -> None:
    session, batches = session_for(batch_size=3)

    assert run_each_shape(session, batches, max_s=0) == (0, 2)
    assert ran == []


def test_a_gpu_is_warmed_shape_by_shape_and_a_cpu_is_not(session_for: MakeSession, ran: list[int]) -> None:
    session, batches = session_for(batch_size=3)
    settings = WarmupConfig(window=2, max_cv=1.0)

    cpu = warm_up(session, batches, settings)
    gpu = warm_up(replace_device(session), batches, settings)
    assert (cpu.batches, cpu.shapes, cpu.shapes_run) == (2, None, None)
    assert (gpu.batches, gpu.shapes, gpu.shapes_run) == (2, 2, 2)
    assert ran == [3, 3, 3, 1, 3, 3]


def replace_device(session: Session) -> Session:
    """The same session that says it is on a GPU, its work and its waiting left on the CPU."""
    return replace(session, point=msgspec.structs.replace(session.point, device="cuda"))
