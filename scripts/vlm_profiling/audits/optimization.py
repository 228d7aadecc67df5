"""The audit of what an optimization requested against what the loaded model reports."""

from __future__ import annotations

from collections.abc import Iterator

from vlm_profiling.audits.base import Check, Context, FigureKind, Finding, conclude
from vlm_profiling.record.schema import Checkpoint, Optimization, RunRecord
from vlm_profiling.study.quantisation import SCHEMES, STORED

NAME = "optimization took effect"
ASKS = "Did the run use the dtype, attention kernel, cache, compilation and quantisation that were requested?"

MOVES: tuple[FigureKind, ...] = ("latency", "energy", "memory")
"""The figures that an optimization should change."""


def judge(context: Context) -> Finding:
    """The finding about what the loaded model reports, compared with what was requested."""
    checkpoint = context.record.checkpoint
    assert checkpoint is not None  # every finished run has one
    asked = context.record.optimization
    checks = (
        _checks(asked, checkpoint),
        _quantisation_check(asked, checkpoint),
        _kernel_check(asked, checkpoint),
    )
    return conclude(NAME, [check for one in checks for check in one] + list(_cache_check(context.record)))


def _checks(asked: Optimization, loaded: Checkpoint) -> Iterator[Check]:
    plain = {dtype: count for dtype, count in loaded.dtypes.items() if dtype not in STORED}
    share = plain.get(asked.dtype, 0) / sum(plain.values()) if plain else 0.0
    others = ", ".join(f"{count:,} in {dtype}" for dtype, count in plain.items() if dtype != asked.dtype)
    words = (
        f"{share:.1%} of the {'other ' if loaded.quantised_modules else ''}parameters in {asked.dtype}"
        + (f", {others}" if others else "")
    )
    # Some architectures keep a few layers in float32 on purpose; half of a model is too much.
    yield Check("pass" if not others else "warn" if share > 0.5 else "fail", words, MOVES)
    same = loaded.attention == ("sdpa" if asked.attention.startswith("sdpa-") else asked.attention)
    words = f"attention {loaded.attention}" + ("" if same else f", but {asked.attention} was requested")
    yield Check("pass" if same else "fail", words, MOVES)
    if asked.compile:
        frames = loaded.compiled_frames or 0
        breaks = "" if loaded.graph_breaks is None else f", {loaded.graph_breaks} graph breaks"
        yield Check("pass" if frames else "fail", f"{frames} graphs compiled{breaks}", MOVES)
    elif loaded.compiled_frames:
        yield Check(
            "fail", f"{loaded.compiled_frames} graphs compiled, but compilation was not requested", MOVES
        )


def _kernel_check(asked: Optimization, loaded: Checkpoint) -> Iterator[Check]:
    """The check that a forced kernel is the only fused one that ran; one that torch chose is only named."""
    if loaded.attention_kernels is None:
        if reason := loaded.absent.get("attention_kernels"):
            forced = asked.attention.startswith("sdpa-")
            yield Check(
                "warn" if forced else "pass",
                f"attention kernel unknown: {reason}",
                MOVES,
            )
        return
    kernels = set(loaded.attention_kernels)
    ran = (
        ", ".join(f"{name} ({calls} calls)" for name, calls in loaded.attention_kernels.items())
        or "none fused"
    )
    others = kernels - {asked.attention} if asked.attention != "sdpa" else set()
    # A compiled model fuses the plain operators away. The names of flash-attn's were never checked on a GPU.
    missing = asked.attention not in ("eager", "sdpa", "sdpa-math") and asked.attention not in kernels
    unseen = asked.attention == "flash_attention_2" and not kernels
    yield Check(
        "warn" if unseen else "fail" if others or missing else "pass", f"attention kernels: {ran}", MOVES
    )


def _quantisation_check(asked: Optimization, loaded: Checkpoint) -> Iterator[Check]:
    """The checks that weights are stored as integers, take fewer bytes and are read as integers."""
    if not asked.quantisation:
        if loaded.quantised_modules:
            words = f"{loaded.quantised_modules} linear layers stored as integers, but none was requested"
            yield Check("fail", words, MOVES)
        return
    scheme = SCHEMES[asked.quantisation]
    most = loaded.linear_layers or loaded.quantised_modules
    integers = {dtype: count for dtype, count in loaded.dtypes.items() if dtype in STORED}
    others = "".join(
        f", {count} not: {reason}" for reason, count in (loaded.unquantised_layers or {}).items()
    )
    words = f"{loaded.quantised_modules} of {most} linear layers stored as {scheme.stored}{others}"
    wrong = not loaded.quantised_modules or set(integers) != {scheme.stored}
    yield Check("fail" if wrong else "pass" if loaded.quantised_modules > most / 2 else "warn", words, MOVES)
    if loaded.unquantised_bytes is not None:
        less = loaded.weight_bytes / loaded.unquantised_bytes
        words = f"weights take {less:.1%} of their bytes before quantisation"
        yield Check("pass" if less < 1 else "fail", words, ("memory",))
    if loaded.quantisation_operators is not None:
        ran = (
            ", ".join(f"{name} ({calls} calls)" for name, calls in loaded.quantisation_operators.items())
            or "no operator"
        )
        seen = bool(set(scheme.operators) & set(loaded.quantisation_operators))
        # A compiled model may fuse an operator into another. The operators of GPUs were never checked.
        yield Check(
            "pass" if seen else "warn" if asked.compile else "fail", f"integer weights read by {ran}", MOVES
        )


def _cache_check(record: RunRecord) -> Iterator[Check]:
    if record.optimization.cache and record.memory and record.memory.cache_layers:
        took = record.memory.cache_layers.lower().startswith(record.optimization.cache)
        yield Check(
            "pass" if took else "fail", f"key-value cache made of {record.memory.cache_layers}", MOVES
        )
