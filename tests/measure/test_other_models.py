"""A model of a family without a file of its own is measured like any other: a folder in the hub's format is enough."""

from __future__ import annotations

import pytest
from other_families import OTHER_FAMILIES

from vlm_profiling.measure.run import profile


@pytest.mark.parametrize("family", OTHER_FAMILIES)
def test_a_model_of_another_family_is_measured_whole(request_for, family):
    record = profile(request_for(family, batch_size=2))
    assert record.failure is None
    assert record.checkpoint.family == "generic"
    assert [batch.rows for batch in record.batches] == [2, 2]
    assert [sample.id for sample in record.samples] == [sample.id for sample in request_for(family).samples]
    assert all(1 <= sample.generated_tokens <= 3 for sample in record.samples)
    assert {"preprocess", "vision", "prefill"} <= set(record.stages.times)
    assert abs(record.stages.unattributed_share) < 0.02


@pytest.mark.parametrize("family", OTHER_FAMILIES)
def test_a_picture_takes_positions_of_the_prompt(request_for, family):
    record = profile(request_for(family, batch_size=2))
    assert all(4 <= sample.image_tokens < sample.prompt_tokens for sample in record.samples)
