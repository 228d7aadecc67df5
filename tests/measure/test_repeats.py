"""The same batches again and again: how often, which ones, and the overhead of instrumentation."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from instrumented_modules import instrumented_modules

from vlm_profiling.engines.transformers.model import TransformersModel
from vlm_profiling.measure.passes.headline import InputBatch, Session, headline_pass
from vlm_profiling.measure.passes.repeats import RepeatBlock, instrumentation_overhead
from vlm_profiling.measure.passes.stages import instrumented_seconds, stages_pass
from vlm_profiling.measure.request import RunRequest
from vlm_profiling.measure.run import profile
from vlm_profiling.measure.terminal.summary import summarise
from vlm_profiling.models.errors import Unsupported
from vlm_profiling.models.tiny import TINY_ARCHITECTURES
from vlm_profiling.record.breakdown import Repeats
from vlm_profiling.study.config import ProtocolConfig, RepeatsConfig, WarmupConfig

MakeSession = Callable[..., tuple[Session, list[InputBatch]]]
MakeRequest = Callable[..., RunRequest]


def protocol_with(stages: bool = True, **repeats: Any) -> ProtocolConfig:
    settings = RepeatsConfig(**{"max_s": 0.2, "max_share": 1000, **repeats})
    return ProtocolConfig(
        max_new_tokens=2, warmup=WarmupConfig(window=4, max_batches=10), repeats=settings, stages=stages
    )


def repeats_of(request: RunRequest) -> Repeats:
    record = profile(request)
    assert record.repeats, record.failure
    return record.repeats


@pytest.mark.parametrize("architecture", TINY_ARCHITECTURES)
def test_every_architecture_repeats_its_first_round_being_the_headlines(
    architecture: str, request_for: MakeRequest
) -> None:
    record = profile(
        request_for(architecture, protocol=protocol_with(min_rounds=3, half_width=1.0, max_s=60.0))
    )
    assert record.repeats and record.stages
    assert record.repeats.batches == [0, 1, 2, 3]
    assert record.repeats.seconds[0] == [
        pytest.approx(batch.generate_s, abs=1e-9) for batch in record.batches
    ]
    assert (
        record.repeats.rounds
        == len(record.repeats.seconds)
        == len(record.repeats.instrumented_seconds) + 1
        >= 3
    )
    assert record.stages.instrumentation_overhead == instrumentation_overhead(record.repeats)
    assert f"{record.repeats.noise:.2%}" in summarise(record)


def test_batches_of_a_round_are_full_and_spread_over_the_headline(session_for: MakeSession) -> None:
    session, batches = session_for(protocol=protocol_with(block_batches=3))
    partial = InputBatch(**{**vars(batches[0]), "full": False})
    headline = [result.times for result in headline_pass(session, [*batches, *batches, partial])]
    assert RepeatBlock(session, [*batches, *batches, partial], headline).chosen == [0, 3, 7]
    assert RepeatBlock(session, batches[:2], headline).chosen == [0, 1], (
        "what there is, where it is less than asked"
    )


def test_without_two_full_batches_there_are_no_repeats_and_a_reason(
    session_for: MakeSession, request_for: MakeRequest
) -> None:
    session, batches = session_for(batch_size=3)
    with pytest.raises(Unsupported, match="two full batches"):
        RepeatBlock(session, batches, [result.times for result in headline_pass(session, batches)])
    record = profile(request_for(batch_size=3, protocol=protocol_with()))
    assert (
        record.status == "ok"
        and record.repeats is None
        and record.absent["repeats"] == "repeats need two full batches"
    )
    assert record.stages and record.stages.instrumentation_overhead is None


def test_it_stops_for_one_of_three_reasons(request_for: MakeRequest) -> None:
    time_up = repeats_of(request_for(protocol=protocol_with(half_width=1e-9, max_s=1e-9)))
    assert (time_up.stopped, time_up.rounds) == ("time budget", 2), "one further round is made in any case"
    short = repeats_of(
        request_for(protocol=protocol_with(half_width=1e-9, max_s=60, max_share=1e-9, min_rounds=4))
    )
    assert (short.stopped, short.rounds) == ("time budget", 4), (
        "the headline's own length bounds what is beyond the least number"
    )
    sure = repeats_of(request_for(protocol=protocol_with(half_width=1.0, min_rounds=4, max_s=60)))
    assert sure.stopped == "half width" and sure.rounds >= 4 and sure.half_width <= 1
    steady = repeats_of(request_for(protocol=protocol_with(half_width=1e-9, max_s=60, min_rounds=2)))
    assert steady.stopped == "noise steady" and steady.rounds >= 12


def test_without_stages_nothing_is_instrumented(request_for: MakeRequest) -> None:
    repeats = repeats_of(request_for(protocol=protocol_with(stages=False)))
    assert repeats.instrumented_seconds == [] and repeats.rounds >= 2


@pytest.mark.usefixtures("controlled_time")
def test_nothing_is_instrumented_while_an_uninstrumented_round_runs(session_for: MakeSession) -> None:
    """Rounds run between the batches of the pass, uninstrumented, and their pairs give the overhead."""
    session, batches = session_for(protocol=protocol_with(min_rounds=5, half_width=1.0, max_s=60))
    loaded = session.loaded
    assert isinstance(loaded, TransformersModel)
    generate, events_seen = loaded.library_generate, []

    def watched(**arguments: Any) -> Any:
        time.sleep(0.1)
        events_seen.append(bool(instrumented_modules(session)))
        return generate(**arguments)

    loaded.library_generate = watched
    headline = [result.times for result in headline_pass(session, batches)]

    def instrumented_round(block: Any) -> list[float]:
        return [1.5 * seconds for seconds in instrumented_seconds(session, block)]

    repeats = RepeatBlock(session, batches, headline, instrumented_round)
    events_seen.clear()
    stages_pass(session, batches, headline, repeats)
    plain_first, instrumented_first = [False] * 4 + [True] * 4, [True] * 4 + [False] * 4
    assert events_seen == [
        True,
        *plain_first,
        True,
        *instrumented_first,
        True,
        *plain_first,
        True,
        *instrumented_first,
    ]
    overhead = instrumentation_overhead(repeats.finish())
    assert overhead and overhead.mean == pytest.approx(1.5, rel=1e-3)
