"""Joules by stage: each stage alone, again and again, for seconds on end, in a window of the meter.

A stage of milliseconds cannot be metered inside a batch: meters tick every 20 to 100 ms. What can be run
alone is looped (decoding videos, preparing, transfer, vision, projection, detokenising, on the inputs of real
batches), and so are generate() for one token and generate() in full, whose differences are prefill and
decode:

    prefill = generate(1 token) - vision - project        decode = generate(all tokens) - generate(1 token)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vlm_profiling.datasets.read import open_media
from vlm_profiling.datasets.videos import Clip, decode_frames, frame_images
from vlm_profiling.engines.base import PreparedBatch, Unsupported
from vlm_profiling.measure.meters.energy import Meters
from vlm_profiling.measure.passes.headline import InputBatch, Session
from vlm_profiling.measure.terminal.progress import progress
from vlm_profiling.record.absent import Absent
from vlm_profiling.record.breakdown import DECODE_FRAMES, SAMPLE_FRAMES, STAGES
from vlm_profiling.record.machine import Joules, StageEnergy, StageJoules
from vlm_profiling.record.schema import timed_batches

if TYPE_CHECKING:
    from av import VideoFrame
    from PIL.Image import Image

LOOP_S = 5.0
"""Shortest loop of a stage."""
FIRST_TOKEN, GENERATE = "first token", "generate"
"""Loops that hold several stages."""
BLOCK = 4
"""Most full batches that a loop goes through: enough to be like the others, few enough to keep their inputs.
"""


@dataclass(frozen=True)
class LoopEnergy:
    """What one batch took in a loop, or in a difference of loops."""

    gross_j: float
    net_j: float | None
    uncertainty_j: float
    seconds: float

    def without(self, part: LoopEnergy) -> LoopEnergy:
        """This loop less another one. Their errors add up: both are bounds."""
        net_j = None if self.net_j is None or part.net_j is None else self.net_j - part.net_j
        uncertainty_j = self.uncertainty_j + part.uncertainty_j
        return LoopEnergy(self.gross_j - part.gross_j, net_j, uncertainty_j, self.seconds - part.seconds)


def stage_energy_pass(
    session: Session, batches: Sequence[InputBatch], images: Path, meters: Meters, headline: Joules | None
) -> StageEnergy:
    """The joules of every stage, per batch of the first full batches.

    Args:
        session: the loaded model.
        batches: those of the headline.
        images: folder of the samples' images.
        meters: the energy meters of the run.
        headline: joules of the headline by the same meter.

    Raises Unsupported with the reason where there is no meter, at once, or the engine has no stage loops.
    """
    if not meters.available or headline is None:
        raise Unsupported(meters.absent.get(meters.own_field, "the headline has no joules"))
    block = list(timed_batches(batches).values())[:BLOCK]
    workloads = _build_workloads(session, block, images)
    absent, loops, shortest_s = workloads.absent, {}, float("inf")
    rounds = workloads.rounds
    for name, run_round in progress(rounds.items(), len(rounds), "stage energy, loops"):
        loops[name], window_s = _loop(session, meters, run_round, len(block))
        shortest_s = min(shortest_s, window_s)
    if session.protocol.max_new_tokens == 1:
        absent["decode"] = "answers of one token, which the prefill gives"
    outside = {DECODE_FRAMES, SAMPLE_FRAMES, "preprocess"} if session.protocol.cached else set()
    rows = sum(len(batch.samples) for batch in block) / len(block)
    headline_j, stages = (
        headline.per_sample_j * rows,
        _by_stage(loops, encoder_projects=workloads.encoder_projects),
    )
    total_j = sum(stage.gross_j for stage in stages.values())
    sum_j = sum(stage.gross_j for name, stage in stages.items() if name not in outside)
    return StageEnergy(
        meter=headline.meter,
        batches=len(block),
        window_s=shortest_s,
        stages={
            name: StageJoules(
                gross_j=stage.gross_j,
                net_j=stage.net_j,
                uncertainty_j=stage.uncertainty_j,
                loop_s=stage.seconds,
                share=stage.gross_j / total_j,
            )
            for name, stage in stages.items()
        },
        sum_j=sum_j,
        headline_j=headline_j,
        against_headline=sum_j / headline_j,
        uncertainty=headline.relative_uncertainty + _bound_j(loops, outside) / sum_j,
        absent=absent,
    )


@dataclass(frozen=True)
class Workloads:
    """One round of each loop: the stage's work for every batch of the block."""

    rounds: dict[str, Callable[[], object]]
    encoder_projects: bool
    """Whether the vision encoder runs the projector itself."""
    absent: dict[str, str]


def _build_workloads(session: Session, block: Sequence[InputBatch], images: Path) -> Workloads:
    loaded, frames = session.loaded, session.point.frames
    if isinstance(loaded.capabilities.stage_loops, Absent):
        raise Unsupported(loaded.capabilities.stage_loops.reason)
    media = [[open_media(images, sample, frames) for sample in batch.samples] for batch in block]
    requests = [[sample.request for sample in batch.samples] for batch in block]
    apart = [[shown.seconds_apart if isinstance(shown, Clip) else None for shown in row] for row in media]
    clips = [shown for row in media for shown in row if isinstance(shown, Clip)]

    def decode() -> list[list[VideoFrame]]:
        return [decode_frames(clip) for clip in clips]

    def sample_frames() -> list[list[Image]]:
        return [frame_images(own) for own in decoded]

    def prepare() -> list[PreparedBatch]:
        return [loaded.prepare(*batch) for batch in zip(opened, requests, apart, strict=True)]

    def transfer() -> list[Any]:
        return [loaded.transfer(batch) for batch in prepared]

    def generate() -> list[Any]:
        return [loaded.generate(batch) for batch in inputs]

    def detokenise() -> None:
        for batch, output in zip(inputs, outputs, strict=True):
            loaded.detokenise(batch, output)

    decoded = decode()
    sampled = iter(sample_frames())
    opened = [[next(sampled) if isinstance(shown, Clip) else shown for shown in row] for row in media]
    prepared = prepare()
    inputs = transfer()
    outputs = generate()
    loops = loaded.capabilities.stage_loops(inputs)
    rounds: dict[str, Callable[[], object]] = {"preprocess": prepare}
    if clips:
        rounds |= {DECODE_FRAMES: decode, SAMPLE_FRAMES: sample_frames}
    if session.device == "cuda":
        rounds["transfer"] = transfer
    rounds |= loops.parts
    rounds[FIRST_TOKEN] = loops.first_token
    if session.protocol.max_new_tokens > 1:
        rounds[GENERATE] = generate
    rounds["detokenise"] = detokenise
    return Workloads(rounds, loops.encoder_projects, dict(loops.absent))


def _loop(
    session: Session, meters: Meters, run_round: Callable[[], object], batches: int
) -> tuple[LoopEnergy, float]:
    """Joules and seconds of a batch, and the loop's seconds. The first round is discarded."""
    run_round()
    session.loaded.synchronise()
    rounds = 0
    with meters.window() as window:
        while window.elapsed_s < LOOP_S:
            run_round()
            session.loaded.synchronise()
            rounds += 1
    count = rounds * batches
    energy = meters.energy(window, count, count)
    joules = energy.gpu if meters.own_field == "gpu" else energy.cpu
    if joules is None:
        raise Unsupported(energy.absent[meters.own_field])
    net_j = None if joules.net_j is None else joules.net_j / count
    uncertainty_j = joules.relative_uncertainty * joules.per_sample_j
    return LoopEnergy(joules.per_sample_j, net_j, uncertainty_j, window.seconds / count), window.seconds


def _by_stage(loops: dict[str, LoopEnergy], *, encoder_projects: bool) -> dict[str, LoopEnergy]:
    """The loops as stages that exclude each other."""
    stages = {name: loop for name, loop in loops.items() if name not in (FIRST_TOKEN, GENERATE)}
    if encoder_projects and "vision" in stages and "project" in stages:
        stages["vision"] = stages["vision"].without(stages["project"])  # the encoder calls it itself
    stages["prefill"] = loops[FIRST_TOKEN]
    for part in ("vision", "project"):
        if part in stages:
            stages["prefill"] = stages["prefill"].without(stages[part])
    if GENERATE in loops:
        stages["decode"] = loops[GENERATE].without(loops[FIRST_TOKEN])
    return {name: stages[name] for name in STAGES if name in stages}


def _bound_j(loops: dict[str, LoopEnergy], outside: set[str]) -> float:
    """Uncertainty of the sum of stages, in which what is subtracted from one and added to another cancels."""
    parts = {"vision", "project"} | ({FIRST_TOKEN} if GENERATE in loops else set()) | outside
    return sum(loop.uncertainty_j for name, loop in loops.items() if name not in parts)
