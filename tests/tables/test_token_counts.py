"""A run's work is told by its own tokens."""

from statistics import stdev

import pytest
from factories import make_cost, make_record

from vlm_profiling.study.point import Point
from vlm_profiling.tables.token_counts import run_work


def lone_record(**changes):
    """Four samples of one patch (one image token), one a batch; text of 9, 8, 10 and 11 tokens; 2 tokens
    generated.
    """
    return make_record(
        samples=4, point=Point(device="cpu", optimization="fp32", batch_size=1), side=14, **changes
    )


def test_flops_are_the_cost_functions_at_each_batchs_tokens():
    record = lone_record()
    prompts = [sample.prompt_tokens for sample in record.samples]
    totals = [1000 + 100 + 10 * prompt + prompt**2 + 20 for prompt in prompts]
    work = run_work(record, make_cost())
    assert work.batch_flops == pytest.approx(sum(totals) / 4)
    assert work.batch_vision_flops == 1000
    assert work.batch_project_flops == 100
    assert work.batch_decode_flops == 20
    assert work.padding_share == 0
    assert work.batch_flops_std == pytest.approx(stdev(totals))


def test_a_partial_batch_counts_for_padding_but_not_per_batch():
    record = make_record(samples=5, point=Point(device="cpu", optimization="fp32", batch_size=4), side=14)
    full = record.batches[0]
    expected = 4 * (1100 + 10 * full.prompt_tokens + full.prompt_tokens**2 + 20)
    work = run_work(record, make_cost())
    assert work.batch_flops == expected
    assert work.batch_flops_std is None
    assert 0 < work.padding_share < 1


def test_tokens_and_sizes_are_counted():
    record = lone_record()
    record.samples[0].truncated_tokens = 3
    record.samples[1].effective_size = (28, 14)
    work = run_work(record, None)
    assert work.image_tokens_mean == 1
    assert work.generated_tokens_mean == 2
    assert work.truncated_samples == 1
    assert work.effective_sizes == {"14x14": 3, "28x14": 1}


def test_without_a_cost_there_are_no_flops_but_a_reason():
    assert run_work(lone_record(), None).flops_absent == "the model's cost was not counted"
    unknown = make_cost()
    unknown.flops, unknown.absent = None, "model_type moon is unknown"
    work = run_work(lone_record(), unknown)
    assert (work.batch_flops, work.flops_absent) == (None, "model_type moon is unknown")


def test_a_stage_that_the_architecture_lacks_is_absent_not_zero():
    cost = make_cost()
    cost.flops = type(cost.flops)(
        project=cost.flops.project, prefill=cost.flops.prefill, decode=cost.flops.decode
    )
    assert run_work(lone_record(), cost).batch_vision_flops is None
