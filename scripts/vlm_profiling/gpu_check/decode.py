"""Why a decode step takes as long as it does: beside a twin with the same operations and next to nothing to
compute.

A GPU works while the next operations are launched, so a step takes the longer of two times: that of the work,
at least bytes / bandwidth, and that of launching. What launching these very operations takes, with Python and
all, the twin tells.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from statistics import median
from typing import Any

from transformers import PreTrainedConfig

from vlm_profiling.gpu_check.facts import DecodeStep, Ratio
from vlm_profiling.measure.overhead import Pairs, bare_generate, median_ratio, timed_pairs
from vlm_profiling.measure.passes.headline import InputBatch, Session
from vlm_profiling.models.architectures import model_from_config

STEPS = 32
"""Between the two lengths of an answer whose times are subtracted."""
PROFILED_STEPS = 8
MOST_PAIRS = 30
WIDTH = 64
"""Of the twin's residual stream and its MLPs."""


def narrow_twin(config: PreTrainedConfig) -> PreTrainedConfig:
    """The same model with a language model of the same depth and attention, and next to no width elsewhere.

    Of decoders made as Llama is. Vision stays as it is: no decode step runs it.
    """
    twin = copy.deepcopy(config)
    text: Any = twin.get_text_config()
    text.head_dim = getattr(text, "head_dim", None) or text.hidden_size // text.num_attention_heads
    text.hidden_size = text.intermediate_size = WIDTH
    return twin


def measure_decode_step(session: Session, batch: InputBatch, budget_s: float) -> DecodeStep:
    """Times of a step of the model and of its twin, in turns for `budget_s`, and of the step's kernels alone."""
    loaded = session.checkpoint
    config, dtype = loaded.model.config, session.inference_dtype
    model = model_from_config(
        narrow_twin(config), device=session.device, dtype=dtype, attention="sdpa", draw_once=True
    )
    loaded.family.adapt(model)
    twin = replace(session, checkpoint=replace(loaded, model=model))
    pairs = timed_pairs(_step(twin, batch), _step(session, batch), MOST_PAIRS, warm_up=1, budget_s=budget_s)
    step = DecodeStep(
        model=loaded.manifest.name,
        steps=STEPS,
        step_s=median(own_s for _, own_s in pairs),
        twin_step_s=median(twin_s for twin_s, _ in pairs),
        against_twin=ratio_of(pairs),
    )
    if session.device == "cuda":
        long, short = (_kernels(_answer(session, batch, tokens)) for tokens in (PROFILED_STEPS + 1, 1))
        step.kernels = (long[0] - short[0]) / PROFILED_STEPS
        step.kernels_s = (long[1] - short[1]) / PROFILED_STEPS
    else:
        step.kernels_absent = f"the device is {session.device}"
    return step


def ratio_of(pairs: Pairs) -> Ratio:
    """The median of second over first, with its interval."""
    median_of_pairs, (low, high) = median_ratio(pairs)
    return Ratio(median=median_of_pairs, low=low, high=high, pairs=len(pairs))


def _answer(session: Session, batch: InputBatch, tokens: int) -> Callable[[], float]:
    """A bare generate() of so many tokens, which returns its seconds."""
    told = copy.copy(session)
    told.generation = session.generation | {"max_new_tokens": tokens, "min_new_tokens": tokens}
    return bare_generate(told, batch)


def _step(session: Session, batch: InputBatch) -> Callable[[], float]:
    """Seconds of a decode step: two answers' difference, shared among the steps between them."""
    long, short = (_answer(session, batch, tokens) for tokens in (STEPS + 1, 1))
    return lambda: (long() - short()) / STEPS


def _kernels(answer: Callable[[], float]) -> tuple[int, float]:
    """How many kernels and copies an answer runs on the GPU, and their seconds added up."""
    from torch.profiler import ProfilerActivity, profile

    with profile(activities=[ProfilerActivity.CUDA]) as profiler:
        answer()
    seen: Any = profiler.profiler
    nanoseconds = [
        event.duration_ns() for event in seen.kineto_results.events() if event.device_type().name == "CUDA"
    ]
    return len(nanoseconds), sum(nanoseconds) * 1e-9
