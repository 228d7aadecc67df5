"""The counted cost against two other ways to it, stage by stage."""

from __future__ import annotations

from typing import Any

import torch

from vlm_profiling.cost.counting.closed_form import closed_form
from vlm_profiling.cost.counting.ptflops_check import LEAVES_OUT, modules_flops
from vlm_profiling.cost.counting.stages import Stages
from vlm_profiling.cost.functions import CostBreakdown, CrossCheck, Grid, StageFlops, Work, work_flops

FREE_GRID: Grid = (16, 24)
"""An image for architectures that take any patch grid."""


def cross_checks(model: Any, stages: Stages, counted: StageFlops) -> list[CrossCheck]:
    """Closed form and ptflops of every stage of a model on the meta device, beside what was counted."""
    grid = stages.own_grid or FREE_GRID
    work = Work(
        grids=(grid,),
        prompt_tokens=64,
        generated_tokens=2,
        qformer_tokens=16 if stages.reads_question else 0,
    )
    own = work_flops(counted, work)
    ways = (
        ("closed form", work_flops(closed_form(model.config), work), None),
        ("ptflops", _ptflops(model, stages, grid, work), LEAVES_OUT),
    )
    return [
        CrossCheck(
            method=method,
            stage=stage,
            work=work,
            flops=getattr(other, f"{stage}_flops"),
            counted_flops=getattr(own, f"{stage}_flops"),
            leaves_out=leaves_out,
        )
        for method, other, leaves_out in ways
        for stage in ("vision", "project", "prefill", "decode")
        if getattr(own, f"{stage}_flops") is not None
    ]


def _ptflops(model: Any, stages: Stages, grid: Grid, work: Work) -> CostBreakdown:
    """Of one row and one decode step."""
    encode = stages.encode
    with torch.no_grad():
        features = None if encode is None else encode(1, grid)
        state = stages.prefill(1, work.prompt_tokens)
    return CostBreakdown(
        vision_flops=None if encode is None else modules_flops(model, lambda: encode(1, grid)),
        project_flops=modules_flops(model, lambda: stages.project(1, grid, features, work.qformer_tokens)),
        prefill_flops=modules_flops(model, lambda: stages.prefill(1, work.prompt_tokens)),
        decode_flops=modules_flops(model, lambda: stages.decode(1, state)),
        padding_flops=0,
    )
