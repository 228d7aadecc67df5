"""Whether what an optimization names really took effect."""

from __future__ import annotations

from collections.abc import Iterator

from vlm_profiling.audits.base import Check, Context, FigureKind, Finding, conclude
from vlm_profiling.record.schema import Checkpoint, Optimization

NAME = "optimization took effect"
ASKS = "Are dtype, attention kernel and compilation those that were asked?"

MOVES: tuple[FigureKind, ...] = ("latency", "energy", "memory")
"""What an optimization is there to move."""


def judge(context: Context) -> Finding:
    """What was asked against what the loaded model reports of itself."""
    checkpoint = context.record.checkpoint
    assert checkpoint is not None  # every finished run has one
    return conclude(NAME, list(_checks(context.record.optimization, checkpoint)))


def _checks(asked: Optimization, loaded: Checkpoint) -> Iterator[Check]:
    share = loaded.dtypes.get(asked.dtype, 0) / loaded.parameters
    others = ", ".join(f"{count:,} in {dtype}" for dtype, count in loaded.dtypes.items() if dtype != asked.dtype)
    words = f"{share:.1%} of the parameters in {asked.dtype}" + (f", {others}" if others else "")
    # Some architectures keep a few layers in float32 on purpose; half of a model is no longer what was asked.
    yield Check("pass" if not others else "warn" if share > 0.5 else "fail", words, MOVES)
    same = loaded.attention == asked.attention
    words = f"attention {loaded.attention}" + ("" if same else f", but {asked.attention} was asked")
    yield Check("pass" if same else "fail", words, MOVES)
    if asked.compile:
        frames = loaded.compiled_frames or 0
        yield Check("pass" if frames else "fail", f"{frames} graphs compiled", MOVES)
    elif loaded.compiled_frames:
        yield Check("fail", f"{loaded.compiled_frames} graphs compiled, but none was asked", MOVES)
