"""A model of a family without a file of its own is measured like any other: a folder in the hub's format is
enough.
"""

from __future__ import annotations

import shutil
from dataclasses import replace

import msgspec
import pytest
from other_families import ASKED_NOTHING, CROSS_ATTENDING, OTHER_FAMILIES
from transformers.utils.import_utils import is_torchvision_available

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
    assert abs(record.stages.unattributed_share) < 0.1


@pytest.mark.parametrize("family", [family for family in OTHER_FAMILIES if family not in CROSS_ATTENDING])
def test_a_image_takes_positions_of_the_prompt(request_for, family):
    record = profile(request_for(family, batch_size=2))
    assert all(4 <= sample.image_tokens < sample.prompt_tokens for sample in record.samples)


@pytest.mark.parametrize("family", ASKED_NOTHING)
def test_a_model_that_is_asked_nothing_is_unsupported(request_for, family):
    record = profile(request_for(family, batch_size=2))
    assert record.status == "unsupported"
    assert record.failure.reason == "Pix2StructProcessor makes no prompt of a question: no input_ids"


@pytest.mark.skipif(is_torchvision_available(), reason="torchvision is installed")
def test_a_processor_without_its_package_is_unsupported_and_names_it(request_for, tiny):
    request = request_for("llava_next")
    folder = tiny("llava_next")[0] / "needs-torchvision"
    shutil.copytree(folder.with_name("folder-llava_next"), folder)
    settings = folder / "processor_config.json"
    settings.write_text(settings.read_text().replace("LlavaNextProcessor", "PixtralProcessor"))
    manifest = msgspec.structs.replace(request.checkpoint, folder=folder.name)
    record = profile(replace(request, checkpoint=manifest))
    assert record.status == "unsupported"
    assert (
        record.failure.reason
        == "PixtralProcessor requires the Torchvision library but it was not found in your environment"
    )
