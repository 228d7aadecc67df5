"""torch.compile, applied where generate() really calls, with its time kept apart and its effect counted."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from vlm_profiling.engines.base import Compilation
from vlm_profiling.models.errors import Unsupported

if TYPE_CHECKING:
    from vlm_profiling.engines.transformers.model import TransformersModel


def compile_model(loaded: TransformersModel, run_shapes: Callable[[], object]) -> Compilation:
    """Compile the family's targets in place and run each shape of inputs, so that no timed call compiles.

    torch.compile(model) would compile nothing here: generate() calls the inner forward, not the wrapper.
    Raises Unsupported for a model on several GPUs: what hands tensors from one to the next breaks a graph at
    every layer.
    """
    if loaded.checkpoint.gpus > 1:
        raise Unsupported(
            f"compile with gpus: {loaded.checkpoint.gpus}: the hooks between GPUs break every graph"
        )
    before, breaks_before = compiled_frames(), graph_breaks()
    model = loaded.checkpoint.model
    for name in loaded.checkpoint.family.compile_targets(model):
        model.get_submodule(name).compile()
    started = time.perf_counter()
    run_shapes()
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
