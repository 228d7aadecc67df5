"""Joules by stage, by counters whose power is known."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from unittest.mock import Mock

import pytest
from fakes.powercap import FakePowercap
from instrumented_modules import as_generic

from vlm_profiling.measure import run as run_module
from vlm_profiling.measure.meters.energy import Meters, open_meters
from vlm_profiling.measure.meters.rapl import Zone
from vlm_profiling.measure.passes import stage_energy
from vlm_profiling.measure.passes.headline import InputBatch, Session, headline_pass
from vlm_profiling.measure.request import RunRequest
from vlm_profiling.measure.run import profile
from vlm_profiling.models.errors import Unsupported
from vlm_profiling.models.tiny import TINY_ARCHITECTURES
from vlm_profiling.record.machine import Joules, StageEnergy
from vlm_profiling.study.config import ProtocolConfig, RepeatsConfig, WarmupConfig

WATTS = 50.0
LOOP_S = 0.15
PROTOCOL = ProtocolConfig(
    max_new_tokens=6,
    stage_energy=True,
    stages=False,
    repeats=RepeatsConfig(max_s=0.1),
    idle_s=0.1,
    energy_window_s=0.3,
    warmup=WarmupConfig(window=2),
)


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A powercap tree with one package, which draws WATTS all the time."""
    FakePowercap(tmp_path / "powercap", {"intel-rapl:0": "package-0"})
    monkeypatch.setattr(Zone, "read_uj", lambda _: round(WATTS * 1e6 * time.perf_counter()))
    return tmp_path / "powercap"


def headline_joules(session: Session, batches: list[InputBatch], meters: Meters) -> Joules:
    passes = 0
    with meters.window() as window:
        while window.elapsed_s < LOOP_S:
            passes += len(list(headline_pass(session, batches))) // len(batches)
    joules = meters.energy(window, samples=4 * passes, tokens=1).cpu
    assert joules
    return joules


def measured(
    session_for: Callable[..., tuple[Session, list[InputBatch]]],
    shapes: Path,
    powercap: Path,
    architecture: str,
    protocol: ProtocolConfig,
) -> StageEnergy:
    session, batches = session_for(
        "llava" if architecture == "generic" else architecture, batch_size=2, protocol=protocol
    )
    if architecture == "generic":
        as_generic(session)
    meters = open_meters("cpu", None, powercap=powercap)
    meters.idle(0.1)
    headline = headline_joules(session, batches, meters)
    return stage_energy.stage_energy_pass(session, batches, shapes, meters, headline)


@pytest.fixture(autouse=True)
def short_loops(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stage_energy, "LOOP_S", LOOP_S)


@pytest.mark.parametrize("architecture", [*TINY_ARCHITECTURES, "generic"])
def test_a_constant_power_gives_each_stage_its_time(
    architecture: str,
    session_for: Callable[..., tuple[Session, list[InputBatch]]],
    shapes: Path,
    package: Path,
) -> None:
    energy = measured(session_for, shapes, package, architecture, PROTOCOL)

    assert {"preprocess", "prefill", "decode", "detokenise"} <= energy.stages.keys()
    assert {"vision", "project"} <= energy.stages.keys() | energy.absent.keys()
    assert energy.batches == 2 and energy.window_s >= LOOP_S
    total_j = sum(stage.gross_j for stage in energy.stages.values())
    for name, stage in energy.stages.items():
        assert stage.gross_j == pytest.approx(
            WATTS * stage.loop_s, abs=stage.uncertainty_j + 0.05 * total_j
        ), name
        assert stage.net_j == pytest.approx(0, abs=stage.uncertainty_j + 0.05 * total_j), name
    assert sum(stage.share for stage in energy.stages.values()) == pytest.approx(1)


def test_the_sum_is_that_of_the_stages_in_the_headlines_window(
    session_for: Callable[..., tuple[Session, list[InputBatch]]], shapes: Path, package: Path
) -> None:
    cached = measured(session_for, shapes, package, "llava", PROTOCOL)
    inline = measured(session_for, shapes, package, "llava", PROTOCOL.model_copy(update={"cached": False}))

    joules = {name: stage.gross_j for name, stage in cached.stages.items()}
    assert cached.sum_j == pytest.approx(sum(joules.values()) - joules["preprocess"])
    assert inline.sum_j == pytest.approx(sum(stage.gross_j for stage in inline.stages.values()))
    assert cached.against_headline == pytest.approx(cached.sum_j / cached.headline_j)


def test_without_a_meter_no_time_is_spent(
    session_for: Callable[..., tuple[Session, list[InputBatch]]], shapes: Path, tmp_path: Path
) -> None:
    session, batches = session_for()
    meters = open_meters("cpu", None, powercap=tmp_path)
    session.generate = generate = Mock()

    with pytest.raises(Unsupported, match="no RAPL on this host"):
        stage_energy.stage_energy_pass(session, batches, shapes, meters, None)
    generate.assert_not_called()


def test_answers_of_one_token_have_no_decode(
    session_for: Callable[..., tuple[Session, list[InputBatch]]], shapes: Path, package: Path
) -> None:
    energy = measured(
        session_for, shapes, package, "llava", PROTOCOL.model_copy(update={"max_new_tokens": 1})
    )

    assert "decode" not in energy.stages
    assert energy.absent["decode"] == "answers of one token, which the prefill gives"


def test_a_run_records_joules_by_stage_when_asked_or_why_not(
    request_for: Callable[..., RunRequest], monkeypatch: pytest.MonkeyPatch, package: Path
) -> None:
    monkeypatch.setattr(
        run_module, "open_meters", lambda *_, **__: open_meters("cpu", None, powercap=package)
    )
    record = profile(request_for(protocol=PROTOCOL))
    assert record.status == "ok" and record.energy and record.energy.cpu
    assert record.stage_energy and "stage_energy" not in record.absent
    assert record.stage_energy.headline_j == pytest.approx(record.energy.cpu.per_sample_j)

    monkeypatch.setattr(
        run_module, "open_meters", lambda *_, **__: open_meters("cpu", None, powercap=package / "nowhere")
    )
    record = profile(request_for(protocol=PROTOCOL))
    assert record.stage_energy is None and record.absent["stage_energy"] == "no RAPL on this host"
