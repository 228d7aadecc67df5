"""The counted FLOPs of each stage against those that ptflops counts, a widely used counter of multiply-adds.

ptflops looks at modules only. A second check, closed formulas from a config alone, is in tests/cost.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout

import torch
from ptflops import get_model_complexity_info
from torch import nn

from vlm_profiling.cost.functions import (
    CostBreakdown,
    CostError,
    CrossCheck,
    StageFlops,
    Work,
    work_flops,
)
from vlm_profiling.models.image_tokens import Grid
from vlm_profiling.models.stages import ModelStages

FREE_GRID: Grid = (16, 24)
"""An image for architectures that take any patch grid."""
LEAVES_OUT = (
    "the products of attention (queries with keys, scores with values); "
    "adds bias, LayerNorm and activation modules"
)


def checked_work(grid: Grid | None, reads_question: bool) -> Work:
    """The work at which FLOPs are compared: one image, 64 prompt tokens, one decode step.

    Args:
        grid: Rows, columns of patches that the encoder's positions are made for; None where it takes any.
        reads_question: Whether a Q-Former reads the question.
    """
    return Work(
        grids=(grid or FREE_GRID,),
        prompt_tokens=64,
        generated_tokens=2,
        qformer_tokens=16 if reads_question else 0,
    )


def cross_checks(model: nn.Module, stages: ModelStages, counted: StageFlops) -> list[CrossCheck]:
    """The FLOPs that ptflops counts of every stage, beside those of the cost functions.

    Args:
        model: The model, on the meta device.
        stages: Its stages.
        counted: Its cost functions.
    """
    work = checked_work(stages.own_grid, stages.reads_question)
    own, other = work_flops(counted, work), _ptflops(model, stages, work)
    return [
        CrossCheck(
            method="ptflops",
            stage=stage,
            work=work,
            flops=getattr(other, f"{stage}_flops"),
            counted_flops=getattr(own, f"{stage}_flops"),
            leaves_out=LEAVES_OUT,
        )
        for stage in ("vision", "project", "prefill", "decode")
        if getattr(own, f"{stage}_flops") is not None
    ]


def _ptflops(model: nn.Module, stages: ModelStages, work: Work) -> CostBreakdown:
    """FLOPs of one row and one decode step."""
    encode, grid = stages.encode, work.grids[0] or FREE_GRID
    with torch.no_grad():
        features = None if encode is None else encode(1, grid)
        state = stages.prefill(1, work.prompt_tokens)
    return CostBreakdown(
        vision_flops=None if encode is None else _module_flops(model, lambda: encode(1, grid)),
        project_flops=_module_flops(model, lambda: stages.project(1, grid, features, work.qformer_tokens)),
        prefill_flops=_module_flops(model, lambda: stages.prefill(1, work.prompt_tokens)),
        decode_flops=_module_flops(model, lambda: stages.decode(1, state)),
        padding_flops=0,
    )


class _Call(nn.Module):
    """A call of parts of a model as the forward pass that ptflops runs. The model is a child, so that its
    modules are seen.
    """

    def __init__(self, model: nn.Module, run: Callable[[], object]) -> None:
        super().__init__()
        self.model = model
        self.run = run

    def forward(self) -> object:
        return self.run()


def _module_flops(model: nn.Module, run: Callable[[], object]) -> int:
    """FLOPs of the modules of `model` that `run` calls, 2 for each of ptflops' multiply-adds.

    Raises CostError with ptflops' own words when it fails.
    """
    printed = io.StringIO()
    with torch.no_grad(), redirect_stdout(printed), redirect_stderr(printed):
        multiply_adds, _ = get_model_complexity_info(
            _Call(model, run),
            (1,),
            as_strings=False,
            print_per_layer_stat=False,
            input_constructor=lambda _size: {},
            backend_specific_config={"count_functional": False},
        )
    if not isinstance(multiply_adds, int):
        raise CostError(f"ptflops: {printed.getvalue().strip()}")
    return 2 * multiply_adds
