"""The time of each stage, on models whose modules are made to wait a known time."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable

import pytest
import torch
from instrumented_modules import as_generic, checkpoint_of, instrumented_modules
from torch import nn

from vlm_profiling.engines.transformers.compiling import compiled_frames
from vlm_profiling.measure.passes.headline import InputBatch, Session, headline_pass, run_each_shape
from vlm_profiling.measure.passes.stages import stages_pass
from vlm_profiling.models.tiny import TINY_ARCHITECTURES
from vlm_profiling.record.absent import Absent
from vlm_profiling.record.breakdown import IMAGE_STAGES, Serving, Stages
from vlm_profiling.study.config import ProtocolConfig

MakeSession = Callable[..., tuple[Session, list[InputBatch]]]

WAITS = {"vision": 0.1, "project": 0.04, "lm": 0.025, "prefill": 0.06}
TOKENS = 4


def slow_down(module: nn.Module, seconds: float) -> None:
    """Make every call of the module wait before it works."""
    forward = module.forward

    @functools.wraps(forward)  # generate() reads the arguments' names
    def waiting(*arguments: object, **named: object) -> object:
        time.sleep(seconds)
        return forward(*arguments, **named)

    module.forward = waiting


def measure(session: Session, batches: list[InputBatch]) -> tuple[Stages, Serving]:
    headline = [result.times for result in headline_pass(session, batches)]
    return stages_pass(session, batches, headline)


@pytest.mark.usefixtures("controlled_time")
@pytest.mark.parametrize("batch_size", [1, 4])
@pytest.mark.parametrize("architecture", TINY_ARCHITECTURES)
def test_each_stage_takes_what_its_modules_wait(
    architecture: str, batch_size: int, session_for: MakeSession
) -> None:
    protocol = ProtocolConfig(max_new_tokens=TOKENS)
    session, batches = session_for(architecture, batch_size=batch_size, protocol=protocol)
    model = checkpoint_of(session).model
    modules = checkpoint_of(session).family.stage_modules(model)
    for name, stage in modules.items():
        slow_down(model.get_submodule(name), WAITS[stage])
    waits_s = {stage: WAITS[stage] * list(modules.values()).count(stage) for stage in ("vision", "project")}
    waits_s["prefill"] = WAITS["lm"] + WAITS["prefill"] * list(modules.values()).count("prefill")
    waits_s["decode"] = WAITS["lm"] * (TOKENS - 1)
    stages, serving = measure(session, batches)
    for stage in ("vision", "project", "prefill", "decode"):
        if waits_s[stage]:
            assert stages.times[stage].time.mean_s == pytest.approx(waits_s[stage], abs=1e-3), stage
        else:
            assert stage not in stages.times and stage in stages.absent
    assert stages.times["loop"].time.mean_s < 1e-3
    assert 0 <= stages.unattributed_share < 0.01
    assert serving.tpot and serving.tpot.mean_s == pytest.approx(WAITS["lm"], abs=1e-3)
    assert serving.ttft.mean_s == pytest.approx(sum(waits_s.values()) - waits_s["decode"], abs=1e-3)


def test_stages_stand_in_the_order_of_the_work_and_add_up(session_for: MakeSession) -> None:
    stages, _ = measure(*session_for(batch_size=3))
    assert list(stages.times) == list(IMAGE_STAGES)
    assert stages.absent == {}
    assert {len(seconds) for seconds in stages.seconds.values()} == {2}
    assert {stage.time.n for stage in stages.times.values()} == {stages.end_to_end.n} == {1}
    total_s = sum(stage.time.mean_s for stage in stages.times.values())
    assert total_s == pytest.approx(stages.end_to_end.mean_s * (1 - stages.unattributed_share))
    assert stages.unattributed_share >= 0
    assert sum(stage.share for stage in stages.times.values()) == pytest.approx(1 - stages.unattributed_share)
    assert stages.seconds["decode"][0] == pytest.approx(stages.times["decode"].time.mean_s, abs=1e-9)


def test_tokens_after_the_first_share_the_rest_of_the_time(session_for: MakeSession) -> None:
    session, batches = session_for(batch_size=4, protocol=ProtocolConfig(max_new_tokens=TOKENS))
    stages, serving = measure(session, batches)
    assert serving.tpot
    assert serving.tpot.mean_s == pytest.approx(
        (stages.end_to_end.mean_s - serving.ttft.mean_s) / (TOKENS - 1)
    )
    before = ("preprocess", "transfer", "vision", "project", "prefill")
    assert (
        sum(stages.times[stage].time.mean_s for stage in before)
        < serving.ttft.mean_s
        < stages.end_to_end.mean_s
    )


def test_an_answer_of_one_token_has_no_decode_and_no_time_per_further_token(session_for: MakeSession) -> None:
    stages, serving = measure(*session_for(protocol=ProtocolConfig(max_new_tokens=1)))
    assert "decode" not in stages.times and "one token" in stages.absent["decode"]
    assert serving.tpot is None and "one token" in serving.absent["tpot"]
    assert serving.ttft.mean_s < stages.end_to_end.mean_s


def test_a_family_that_is_not_known_has_coarser_stages_and_says_so(session_for: MakeSession) -> None:
    session, batches = session_for("fuyu")
    as_generic(session)
    stages, _ = measure(session, batches)
    assert list(stages.times) == [stage for stage in IMAGE_STAGES if stage not in ("vision", "project")]
    assert all("generic" in stages.absent[stage] for stage in ("vision", "project"))


def test_events_change_no_answer_and_are_gone_afterwards(session_for: MakeSession) -> None:
    session, batches = session_for()
    before = [result.answers for result in headline_pass(session, batches)]
    assert not instrumented_modules(session)
    stages_pass(session, batches, [result.times for result in headline_pass(session, batches)])
    assert [result.answers for result in headline_pass(session, batches)] == before
    assert not instrumented_modules(session)


def test_events_are_gone_when_the_model_raises(
    session_for: MakeSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    session, batches = session_for()
    headline = [result.times for result in headline_pass(session, batches)]
    assert not instrumented_modules(session)

    def fail(*_: object, **__: object) -> None:
        assert instrumented_modules(session)
        raise RuntimeError("no vision today")

    monkeypatch.setattr(checkpoint_of(session).model.model.vision_tower, "forward", fail)
    with pytest.raises(RuntimeError, match="no vision today"):
        stages_pass(session, batches, headline)
    assert not instrumented_modules(session)


@pytest.mark.slow
@pytest.mark.parametrize("architecture", TINY_ARCHITECTURES)
def test_events_around_compiled_modules_compile_nothing_anew(
    architecture: str, session_for: MakeSession
) -> None:
    torch._dynamo.reset()
    session, batches = session_for(architecture)
    compile_graphs = session.loaded.capabilities.compile
    assert not isinstance(compile_graphs, Absent)
    assert compile_graphs(lambda: run_each_shape(session, batches)).frames > 0
    frames = compiled_frames()
    stages, _ = measure(session, batches)
    assert compiled_frames() == frames
    assert {"prefill", "decode"} < set(stages.times)
    # the merger of Qwen2.5-VL is called by its encoder, Fuyu's projection by the model: both within a graph
    inside = architecture in ("qwen2_5_vl", "fuyu")
    assert ("project" in stages.times) != inside and (
        "compiled into" in stages.absent.get("project", "")
    ) == inside
