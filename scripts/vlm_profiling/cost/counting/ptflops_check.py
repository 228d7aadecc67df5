"""FLOPs by ptflops, a widely used counter of multiply-adds, as a cross-check. It looks at modules only."""

from __future__ import annotations

import io
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout

import torch
from ptflops import get_model_complexity_info
from torch import nn

from vlm_profiling.cost.functions import CostError

LEAVES_OUT = "the products of attention (queries with keys, scores with values); adds bias, LayerNorm and activation modules"


class _Call(nn.Module):
    """A call of parts of a model as the forward that ptflops runs; the model is a child, so that its modules
    are seen.
    """

    def __init__(self, model: nn.Module, run: Callable[[], object]) -> None:
        super().__init__()
        self.model = model
        self.run = run

    def forward(self) -> object:
        return self.run()


def modules_flops(model: nn.Module, run: Callable[[], object]) -> int:
    """FLOPs of the modules of `model` that `run` calls, 2 for each of ptflops' multiply-adds.

    Raises CostError with ptflops' own words when it fails.
    """
    said = io.StringIO()
    with torch.no_grad(), redirect_stdout(said), redirect_stderr(said):
        multiply_adds, _ = get_model_complexity_info(
            _Call(model, run),
            (1,),
            as_strings=False,
            print_per_layer_stat=False,
            input_constructor=lambda _size: {},
            backend_specific_config={"count_functional": False},
        )
    if not isinstance(multiply_adds, int):
        raise CostError(f"ptflops: {said.getvalue().strip()}")
    return 2 * multiply_adds
