"""Hints from stages, layers and padding carry Amdahl's bound, and appear only where the part is large enough
and sure.
"""

from __future__ import annotations

import pytest
from advising import make_cell, make_layer_rows, make_stage_rows, make_subject

from vlm_profiling.report.advice.base import at_most
from vlm_profiling.report.advice.parts import (
    layer_limits,
    padding,
    preparation,
    small_stages,
    stage_limits,
)
from vlm_profiling.report.advice.registry import advise


def test_the_bound_is_amdahls() -> None:
    assert [at_most(share) for share in (0.0, 0.12, 0.4, 0.5)] == pytest.approx(
        [1, 1.136, 1.667, 2], abs=5e-4
    )


def test_each_large_stage_bounds_the_gain_of_its_remedy() -> None:
    hints = {
        hint.evidence.partition(" takes")[0]: hint
        for hint in stage_limits(make_subject(stages=make_stage_rows()))
    }
    assert list(hints) == ["vision encoder", "prefill", "decode", "host loop"]
    assert hints["vision encoder"].gain == pytest.approx(1 / 0.88)
    assert hints["vision encoder"].evidence == (
        "vision encoder takes 12 % of the end-to-end time (1.2 ms of 10 ms a batch)"
    )
    assert hints["decode"].gain == pytest.approx(1.25)
    assert all(hint.measured is None for hint in hints.values())


def test_preparation_names_a_slow_image_processor_and_no_other() -> None:
    stages = make_stage_rows()
    (slow,) = preparation(
        make_subject(make_cell(checkpoint_processor="CLIPImageProcessorPil"), stages=stages)
    )
    assert slow.gain == pytest.approx(1 / 0.6) and "instead of CLIPImageProcessorPil" in slow.try_this
    (fast,) = preparation(make_subject(make_cell(checkpoint_processor="CLIPImageProcessor"), stages=stages))
    assert "torchvision" not in fast.try_this
    assert not list(preparation(make_subject(stages=make_stage_rows({"preprocess": 0.04, "decode": 0.96}))))


def test_small_stages_are_told_together_with_their_bound() -> None:
    text = small_stages(
        make_subject(stages=make_stage_rows({"transfer": 0.01, "detokenise": 0.03, "decode": 0.96}))
    )
    assert text == (
        "Not worth an effort on their own: transfer (1 %), detokenise (3 %); without all of them it would be "
        "at most 1.04 times as fast."
    )
    assert small_stages(make_subject(stages=make_stage_rows({"decode": 1.0}))) == ""


def test_layers_bound_their_part_of_generate_within_the_whole() -> None:
    rows = make_layer_rows({"attention": 0.25, "mlp": 0.4, "norm": 0.02, "convolution": 0.13})
    hints = {hint.evidence.split(" take ")[0]: hint for hint in layer_limits(make_subject(layers=rows))}
    assert list(hints) == [
        "attention layers",
        "mlp layers",
        "convolution layers",
        "20 % of generate() is between layers" + INSTRUMENTED,
    ]
    assert hints["attention layers"].gain == pytest.approx(1 / (1 - 0.25 * 0.8)), (
        "generate() is 80 % of the end-to-end time"
    )
    assert hints["attention layers"].evidence == "attention layers take 25 % of generate()" + INSTRUMENTED
    assert list(hints.values())[-1].gain == pytest.approx(1 / (1 - 0.2 * 0.8))


INSTRUMENTED = " with every layer instrumented, when it takes 110 % of its time in the headline pass"


def test_shares_of_layers_are_not_used_where_instrumentation_had_too_much_overhead() -> None:
    assert not list(layer_limits(make_subject(layers=make_layer_rows({"mlp": 0.9}, slowed=1.6))))
    assert not list(layer_limits(make_subject()))


def test_padding_bounds_the_part_of_the_time_that_may_follow_it() -> None:
    cell = make_cell(padding_share=0.25, batch_flops=1e9)
    (hint,) = padding(make_subject(cell))
    assert hint.gain == pytest.approx(1 / (1 - 0.25 * 0.8)) and hint.evidence.startswith(
        "25 % of the FLOPs are padding"
    )
    assert not list(padding(make_subject(make_cell(padding_share=0.05, batch_flops=1e9))))
    assert not list(padding(make_subject(make_cell())))


def test_no_hint_on_a_figure_that_an_audit_failed() -> None:
    flags = {"flops": ("work parity: 20 of 50 tokens",)}
    assert not list(padding(make_subject(make_cell(padding_share=0.25, batch_flops=1e9, flags=flags))))
    late = {"latency": ("physical floor: 2000 TFLOP/s",)}
    assert not list(padding(make_subject(make_cell(padding_share=0.25, batch_flops=1e9, flags=late))))
    assert not list(layer_limits(make_subject(make_cell(flags=late), layers=make_layer_rows({"mlp": 0.9}))))


def test_advice_is_ordered_by_what_it_can_give_and_empty_without_numbers() -> None:
    cell = make_cell(padding_share=0.25, batch_flops=1e9)
    hints = advise(make_subject(cell, stages=make_stage_rows(), layers=make_layer_rows({"mlp": 0.9})))
    assert [round(hint.gain, 2) for hint in hints] == [3.57, 1.67, 1.25, 1.25, 1.25, 1.14, 1.09, 1.06]
    assert advise(make_subject()) == []
