"""Operations are counted as dispatched: views launch nothing, every decode step launches the same."""

from __future__ import annotations

import torch

from vlm_profiling.cost.counting.counter import StageCounter
from vlm_profiling.cost.counting.op_counter import OpCounter, count_ops
from vlm_profiling.cost.functions import ModelCost
from vlm_profiling.models.full_size import full_size_config
from vlm_profiling.models.qwen2_5_vl.cost import COST
from vlm_profiling.models.random_weights import model_from_config
from vlm_profiling.models.stages import DTYPE


def test_a_view_is_no_launch() -> None:
    left = torch.ones(4, 4)
    assert count_ops(lambda: left.t().reshape(2, 8)) == 1  # the copy that reshape needs
    assert count_ops(lambda: torch.relu(left @ left.t() + 1)) == 3


def test_what_runs_outside_is_not_counted() -> None:
    with OpCounter() as counter:
        torch.zeros(2)
    torch.zeros(2)
    assert counter.ops == 1


def test_every_stage_of_each_architecture_has_its_operations(cost: ModelCost) -> None:
    assert cost.ops is not None and cost.flops is not None
    assert (cost.ops.vision is None) == (cost.flops.vision is None)
    assert cost.ops.project > 0 and cost.ops.decode > 50
    assert cost.ops.prefill >= cost.ops.decode - 2  # T5's holds the encoder too


def test_an_encoder_of_windows_launches_more_with_each_of_them() -> None:
    config = full_size_config("Qwen2.5-VL-3B-Instruct")
    config.vision_config.depth = 2
    config.vision_config.fullatt_block_indexes = [1]
    config.text_config.num_hidden_layers = 1
    model = model_from_config(config, device="meta", dtype=DTYPE, attention="eager")
    counter = StageCounter(COST.stages(model, False))
    side = counter.stages.window
    assert side is not None
    ops = [
        counter.encode(1, (rows * side, columns * side))[0].ops for rows, columns in ((1, 1), (1, 2), (2, 3))
    ]
    assert ops[1] > ops[0]
    assert ops[2] - ops[0] == 5 * (ops[1] - ops[0])
