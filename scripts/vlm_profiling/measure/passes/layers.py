"""The layers pass: the time inside generate() by class of module and by block of the model, stage by stage."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from torch import nn

from vlm_profiling.cost.counting.module_marks import running_modules
from vlm_profiling.measure.passes.headline import InputBatch, Session
from vlm_profiling.measure.passes.instrumented import (
    MarkedBatch,
    clock_of,
    headline_ratio,
    marked_batches,
)
from vlm_profiling.measure.progress import progress
from vlm_profiling.models.errors import Unsupported
from vlm_profiling.record.breakdown import Block, Layers, LayerTime
from vlm_profiling.record.schema import Batch, timed_batches

WITHOUT_WORK = (nn.Dropout, nn.Identity)
"""Leaves that do nothing in inference: marking them would only cost."""
MLP_CLASSES = ("mlp", "dense", "intermediate", "output")
"""Parts of the names of classes around a block's feed-forward layers: CLIPMLP, T5DenseGatedActDense,
Blip2QFormerOutput.
"""
MLP_MEMBERS = ("fc1", "fc2", "activation_fn", "mlp")
"""Names of these layers where a block holds them itself, as OPT's does, or in a plain sequence, as
Qwen2.5-VL's merger does.
"""


class Layer(NamedTuple):
    """What a layer's time is added to."""

    module: str
    """Class."""
    block: Block


def layers_pass(session: Session, batches: Sequence[InputBatch], headline: Sequence[Batch]) -> Layers:
    """Every batch once more with all leaf and attention modules marked. `headline`: times of the same batches
    unmarked.

    Raises Unsupported for a compiled model, whose layers are no calls any more.
    """
    model = session.checkpoint.model
    if any(module._compiled_call_impl is not None for module in model.modules()):
        raise Unsupported("the model is compiled: its layers are no calls of their own")
    labels = [*session.checkpoint.family.stage_modules(model).items(), *model_layers(model)]
    times, seconds = [], []
    for batch in progress(marked_batches(session, batches, labels), len(batches), "layers"):
        times.append(batch.times)
        seconds.append(_layer_seconds(session, batch))
    return _layers(times, seconds, headline)


def model_layers(model: nn.Module) -> Iterator[tuple[str, Layer]]:
    """Names of all leaf and attention modules that do work, with what their time is added to."""
    for name, module in model.named_modules():
        leaf = next(module.children(), None) is None
        if (leaf and not isinstance(module, WITHOUT_WORK)) or _is_attention(module):
            yield name, Layer(type(module).__name__, _block(model, name))


def _is_attention(module: nn.Module) -> bool:
    return "attention" in type(module).__name__.lower()


def _block(model: nn.Module, name: str) -> Block:
    """The block that a layer belongs to: what it is itself, or else the nearest block around it."""
    module = model.get_submodule(name)
    if "norm" in type(module).__name__.lower():
        return "norm"
    if isinstance(module, (nn.Conv1d, nn.Conv2d, nn.Conv3d)):
        return "convolution"
    if isinstance(module, nn.Embedding):
        return "embedding"
    if "rotary" in type(module).__name__.lower():
        return "attention"  # turns queries and keys, though it stands beside the blocks that use it
    path = name.split(".")
    for depth in range(len(path), 0, -1):
        around = model.get_submodule(".".join(path[:depth]))
        if _is_attention(around):
            return "attention"
        if path[depth - 1] in MLP_MEMBERS or any(
            part in type(around).__name__.lower() for part in MLP_CLASSES
        ):
            return "mlp"
    return "other"


def _layer_seconds(session: Session, batch: MarkedBatch) -> dict[tuple[str, Layer | None], float]:
    """Exclusive time of one batch by stage and layer, s; None for what runs between layers."""
    clock = clock_of(session)
    seconds: dict[tuple[str, Layer | None], float] = defaultdict(float)
    for running, begin, end in running_modules(batch.marks):
        stage = next(label for label in reversed(running) if isinstance(label, str))
        layer = running[-1] if isinstance(running[-1], Layer) else None
        seconds[stage, layer] += clock.seconds(begin, end)
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
