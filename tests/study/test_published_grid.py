"""config.yaml is the published study: the cells of its tables for every model, and no others.

The published tables have no row for flash-attention-2; the study names it as an optimization all the same.
"""

from __future__ import annotations

from pathlib import Path

import polars
import pytest

from vlm_profiling.study import Study, expand_runs, load_study

PROJECT = Path(__file__).parents[2]
SETTINGS = ["device", "batch_size", "image_size", "max_input_len", "optimization"]
WITHOUT_PUBLISHED_ROWS = {("ScienceQA", "cuda", 16, 224, 200, "flash-attention-2")}


@pytest.fixture(scope="module")
def study() -> Study:
    return load_study(PROJECT / "config.yaml")


@pytest.fixture(scope="module")
def published() -> polars.DataFrame:
    return polars.read_csv(PROJECT / "scripts/vlm_profiling/report/reference/published_results.csv")


def test_every_model_has_the_published_cells_and_no_others(study: Study, published: polars.DataFrame) -> None:
    with_rows = set(published.select("dataset", *SETTINGS).unique().iter_rows())
    expected = with_rows | WITHOUT_PUBLISHED_ROWS
    assert len(with_rows) == 20
    runs = expand_runs(study)
    for model in study.models:
        points = [
            (run.dataset, *(getattr(run.point, name) for name in SETTINGS))
            for run in runs
            if run.model == model
        ]
        assert set(points) == expected
        assert len(points) == len(expected)


def test_the_published_models_are_in_the_study(study: Study, published: polars.DataFrame) -> None:
    assert set(published["model"]) <= {model.hub for model in study.models.values()}
    assert len(study.models) == 6


def test_each_data_set_has_three_hundred_samples(study: Study) -> None:
    assert {name: dataset.samples for name, dataset in study.datasets.items()} == {
        "COCO_cap": 300,
        "ScienceQA": 300,
        "TextVQA": 300,
    }
