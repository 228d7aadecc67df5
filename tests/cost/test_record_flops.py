"""A run's FLOPs are its model's cost functions at the tokens that its record holds."""

from __future__ import annotations

import pytest
from factories import make_cost, make_failed_record, make_record
from msgspec.structs import replace

from vlm_profiling.cost.evaluate import record_flops
from vlm_profiling.cost.functions import CostError, ModelCost
from vlm_profiling.record.schema import Batch, RunRecord, Sample


def batch(rows: int, prompt_tokens: int, generated_tokens: int) -> Batch:
    times = dict.fromkeys(("preprocess_s", "transfer_s", "generate_s", "detokenise_s", "end_to_end_s"), 0.1)
    return Batch(
        rows=rows, full=True, prompt_tokens=prompt_tokens, generated_tokens=generated_tokens, **times
    )


def sample(number: int, prompt_tokens: int, generated_tokens: int) -> Sample:
    return Sample(
        id=str(number),
        batch=number,
        request="",
        prompt="",
        references=["a"],
        answer="",
        prompt_tokens=prompt_tokens,
        image_tokens=4,
        generated_tokens=generated_tokens,
        image_size=(64, 64),
        vision_grid=(2, 2),
    )


def record_of(batches: list[tuple[Batch, list[Sample]]]) -> RunRecord:
    samples = [replace(row, batch=number) for number, (_, rows) in enumerate(batches) for row in rows]
    return replace(make_record(), batches=[part for part, _ in batches], samples=samples)


@pytest.fixture
def model() -> ModelCost:
    """Vision 1000, project 100; prefill 10 a token and 1 a square; a decode step 20."""
    return make_cost()


def test_batch_by_batch_and_in_total(model: ModelCost) -> None:
    record = record_of([(batch(1, 10, 3), [sample(0, 10, 3)]), (batch(1, 20, 1), [sample(1, 20, 1)])])
    flops = record_flops(record, model)
    assert flops is not None
    assert [part.prefill_flops for part in flops.batches] == [200, 600]
    assert [part.decode_flops for part in flops.batches] == [40, 0]
    assert flops.total == (2000, 200, 800, 40, 0)
    assert flops.total.total_flops == 3040


def test_padded_prompts_and_steps_after_a_row_has_ended_are_told_as_padding(model: ModelCost) -> None:
    record = record_of([(batch(2, 10, 5), [sample(0, 10, 2), sample(1, 4, 5)])])
    flops = record_flops(record, model)
    assert flops is not None
    assert flops.total.prefill_flops == 2 * 200
    assert flops.total.decode_flops == 2 * 4 * 20
    assert flops.total.padding_flops == (200 - 56) + 3 * 20
    assert flops.total.padding_share == pytest.approx(204 / (2000 + 200 + 400 + 160))


def test_a_run_without_batches_or_a_model_without_functions_has_none(model: ModelCost) -> None:
    assert record_flops(make_failed_record(), model) is None
    assert (
        record_flops(
            make_record(), ModelCost(name="m", source="s", model_type="t", convention="c", absent="why")
        )
        is None
    )


def test_a_batch_and_its_samples_must_agree(model: ModelCost) -> None:
    with pytest.raises(CostError, match="3 rows with 1 samples"):
        record_flops(record_of([(batch(3, 10, 3), [sample(0, 10, 3)])]), model)


def test_each_frame_of_a_video_is_encoded_and_projected(model: ModelCost) -> None:
    rows = [replace(sample(0, 10, 3), given_frames=4, encoded_images=4), sample(1, 10, 3)]
    flops = record_flops(record_of([(batch(2, 10, 3), rows)]), model)
    assert flops is not None and flops.total == (5000, 500, 400, 80, 0)
