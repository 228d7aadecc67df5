"""The layers pass: the time inside generate() by class of module and block of the model, stage by stage."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from vlm_profiling.cost.counting.module_events import running_modules
from vlm_profiling.engines.base import Layer
from vlm_profiling.measure.passes.headline import InputBatch, Session
from vlm_profiling.measure.passes.instrumented import (
    InstrumentedBatch,
    headline_ratio,
    instrumented_batches,
    instruments_of,
)
from vlm_profiling.measure.terminal.progress import progress
from vlm_profiling.record.breakdown import Layers, LayerTime
from vlm_profiling.record.schema import Batch, timed_batches


def layers_pass(session: Session, batches: Sequence[InputBatch], headline: Sequence[Batch]) -> Layers:
    """The layers of every batch, run once more with all leaf and attention modules instrumented.

    Args:
        session: the loaded model.
        batches: those of the headline.
        headline: the times of the same batches without instruments.

    Raises Unsupported where layers cannot be told apart, such as in a compiled model.
    """
    instruments = instruments_of(session)
    stages, _ = instruments.stage_labels()
    labels = [*stages.items(), *instruments.layer_labels()]
    times, seconds = [], []
    for batch in progress(instrumented_batches(session, batches, labels), len(batches), "layers"):
        times.append(batch.times)
        seconds.append(_layer_seconds(batch))
    return _layers(times, seconds, headline)


def _layer_seconds(batch: InstrumentedBatch) -> dict[tuple[str, Layer | None], float]:
    """Exclusive time of one batch by stage and layer, s; None for what runs between layers."""
    seconds: dict[tuple[str, Layer | None], float] = defaultdict(float)
    for running, begin, end in running_modules(batch.model.events):
        stage = next(label for label in reversed(running) if isinstance(label, str))
        layer = running[-1] if isinstance(running[-1], Layer) else None
        seconds[stage, layer] += batch.model.seconds(begin, end)
    return seconds


def _layers(
    times: Sequence[Batch],
    seconds: Sequence[dict[tuple[str, Layer | None], float]],
    headline: Sequence[Batch],
) -> Layers:
    full = timed_batches(times)
    generate_s = sum(times[number].generate_s for number in full)
    by_layer: dict[tuple[str, Layer], float] = defaultdict(float)
    by_stage: dict[str, float] = defaultdict(float)
    for number in full:
        for (stage, layer), spent_s in seconds[number].items():
            by_stage[stage] += spent_s
            if layer is not None:
                by_layer[stage, layer] += spent_s
    ratio, interval = headline_ratio(times, headline)
    return Layers(
        batches=len(full),
        generate_s=generate_s,
        stages_s=by_stage,
        layers=[
            LayerTime(
                stage=stage,
                module=layer.module,
                block=layer.block,
                total_s=spent_s,
                share=spent_s / generate_s,
            )
            for (stage, layer), spent_s in sorted(by_layer.items(), key=lambda item: -item[1])
        ],
        coverage=sum(by_layer.values()) / generate_s,
        against_headline=ratio,
        against_headline_interval=interval,
    )
