"""FLOPs counted inside a real generate(), stage by stage: the proof of the cost functions, on models small enough to run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode, sdpa_flop_count


def _cpu_attention_flops(query: Any, key: Any, value: Any, *_arguments: Any, **_named: Any) -> int:
    return sdpa_flop_count(query, key, value)


# PyTorch's counter knows the fused attention kernels of the GPU, not this one of the CPU, and would count it as nothing
CPU_ATTENTION = {torch.ops.aten._scaled_dot_product_flash_attention_for_cpu: _cpu_attention_flops}


def generate_flops(model: Any, stage_modules: Mapping[str, str], **arguments: Any) -> dict[str, int]:
    """FLOPs of `model.generate(**arguments)` by stage: vision, project, prefill, decode, and other for what is in none.

    `stage_modules` maps a module's name ("" is the model) to its stage; "lm" is prefill in its first call and decode in
    the following ones. What runs in a module inside another one counts for the inner one alone.
    """
    flops: dict[str, int] = dict.fromkeys(("vision", "project", "prefill", "decode", "other"), 0)
    running: list[str] = ["other"]
    counted = 0
    language_model_steps = iter(("prefill",))

    def settle() -> None:
        nonlocal counted
        total = counter.get_total_flops()
        flops[running[-1]] += total - counted
        counted = total

    def enter(stage: str) -> None:
        settle()
        running.append(next(language_model_steps, "decode") if stage == "lm" else stage)

    def leave() -> None:
        settle()
        running.pop()

    hooks = []
    for name, stage in stage_modules.items():
        module = model.get_submodule(name)
        hooks.append(module.register_forward_pre_hook(lambda *_, stage=stage: enter(stage)))
        hooks.append(module.register_forward_hook(lambda *_: leave()))
    try:
        with torch.no_grad(), FlopCounterMode(display=False, custom_mapping=CPU_ATTENTION) as counter:
            model.generate(**arguments)
            settle()
    finally:
        for hook in hooks:
            hook.remove()
    return flops
