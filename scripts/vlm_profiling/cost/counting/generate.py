"""FLOPs counted inside a real generate(), stage by stage: the proof of the cost functions, on models small
enough to run.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode, sdpa_flop_count

from vlm_profiling.cost.counting.module_events import module_events, running_modules


def _cpu_attention_flops(query: Any, key: Any, value: Any, *_arguments: Any, **_named: Any) -> int:
    return sdpa_flop_count(query, key, value)


# PyTorch's counter knows the fused attention kernels of the GPU, not this one of the CPU, and would count it
# as nothing
CPU_ATTENTION = {torch.ops.aten._scaled_dot_product_flash_attention_for_cpu: _cpu_attention_flops}


def generate_flops(model: Any, stage_modules: Mapping[str, str], **arguments: Any) -> dict[str, int]:
    """FLOPs of `model.generate(**arguments)` by stage: vision, project, prefill, decode, and other for what
    is in none.

    `stage_modules` maps a module's name ("" is the model) to its stage; "lm" is prefill in its first call and
    decode in the following ones. What runs in a module inside another one counts for the inner one alone.
    """
    with (
        torch.no_grad(),
        FlopCounterMode(display=False, custom_mapping=CPU_ATTENTION) as counter,
        module_events(model, stage_modules.items(), counter.get_total_flops) as events,
    ):
        events.append(("other", 0))
        model.generate(**arguments)
        events.append((None, counter.get_total_flops()))
    flops: dict[str, int] = dict.fromkeys(("vision", "project", "prefill", "decode", "other"), 0)
    for running, before, after in running_modules(events):
        flops[str(running[-1])] += after - before
    return flops
