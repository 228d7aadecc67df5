"""easy-vqa comes whole from its installed package."""

from __future__ import annotations

import pytest

from vlm_profiling.datasets.candidates import DatasetError
from vlm_profiling.datasets.read import open_image, read_samples
from vlm_profiling.datasets.sources.easy_vqa import easy_vqa_source


@pytest.mark.parametrize(("split", "questions"), [("train", 38_575), ("test", 9_673)])
def test_every_question_of_a_split_is_there(split, questions):
    assert sum(1 for _ in easy_vqa_source(split).rows()) == questions


def test_the_test_split_is_prepared_from_the_package(prepare, tmp_path):
    manifest = prepare(package="easy-vqa", split="test", samples=20)
    assert (manifest.samples, manifest.population, manifest.source, manifest.licence) == (
        20,
        9_673,
        "easy-vqa",
        "MIT",
    )
    _, samples = read_samples(tmp_path / "prepared" / "shapes")
    assert {open_image(tmp_path / "prepared" / "shapes", sample).size for sample in samples} == {(64, 64)}
    assert all(sample.request.endswith("?") and len(sample.references) == 1 for sample in samples)


@pytest.mark.parametrize("split", [None, "validation"])
def test_another_split_is_refused(split):
    with pytest.raises(DatasetError, match="allowed: train, test"):
        easy_vqa_source(split)
