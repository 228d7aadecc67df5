"""torch.compile, applied where generate() really calls, with its time kept apart and its effect counted."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from vlm_profiling.measure.passes.headline import InputBatch, Session, run_each_shape
from vlm_profiling.models.errors import Unsupported


@dataclass(frozen=True)
class Compilation:
    """What compiling did: graphs compiled, breaks between them, and the time of the calls that compiled them."""

    frames: int
    graph_breaks: int
    seconds: float


def compile_model(session: Session, batches: Sequence[InputBatch]) -> Compilation:
    """Compile the family's targets in place and run one batch of each input shape, so that no timed call
    compiles.

    torch.compile(model) would compile nothing here: generate() calls the inner forward, not the wrapper.
    Raises Unsupported for a model on several GPUs: what hands tensors from one to the next breaks a graph at
    every layer.
    """
    if session.checkpoint.gpus > 1:
        raise Unsupported(
            f"compile with gpus: {session.checkpoint.gpus}: the hooks between GPUs break every graph"
        )
    before, breaks_before = compiled_frames(), graph_breaks()
    model = session.checkpoint.model
    for name in session.checkpoint.family.compile_targets(model):
        model.get_submodule(name).compile()
    started = time.perf_counter()
    run_each_shape(session, batches)
    return Compilation(
        compiled_frames() - before, graph_breaks() - breaks_before, time.perf_counter() - started
    )


def compiled_frames() -> int:
    """Graphs that torch.compile has compiled in this process."""
    import torch._dynamo.utils

    return torch._dynamo.utils.counters["frames"]["ok"]


def graph_breaks() -> int:
    """Places where torch.compile has left a graph in this process."""
    import torch._dynamo.utils

    return sum(torch._dynamo.utils.counters["graph_break"].values())
