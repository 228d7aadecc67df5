"""Small real images and folders of samples in the reference study's format."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from vlm_profiling.datasets.prepare import prepare_dataset
from vlm_profiling.record.manifests import DatasetManifest
from vlm_profiling.study.inputs import DatasetConfig


@pytest.fixture
def image() -> Callable[..., bytes]:
    """Makes an encoded image of one colour."""

    def make(
        colour: object = 0, ending: str = "PNG", mode: str = "RGB", size: tuple[int, int] = (8, 6), **options
    ) -> bytes:
        file = io.BytesIO()
        Image.new(mode, size, colour).save(file, ending, **options)
        return file.getvalue()

    return make


@pytest.fixture
def source(tmp_path: Path, image) -> Callable[..., Path]:
    """Makes datasets/shapes with samples.json and an image for each of `count` samples; `change` edits the
    samples first.
    """

    def make(count: int = 4, change: Callable[[list], object] = lambda samples: None) -> Path:
        folder = tmp_path / "datasets" / "shapes"
        (folder / "images").mkdir(parents=True)
        samples = [
            {"image_path": f"images/{n}.png", "request": f"question {n}?", "response": f"answer {n}"}
            for n in range(count)
        ]
        for number in range(count):
            (folder / "images" / f"{number}.png").write_bytes(image((number, 0, 0)))
        change(samples)
        (folder / "samples.json").write_text(json.dumps(samples))
        return folder

    return make


@pytest.fixture
def prepare(tmp_path: Path) -> Callable[..., DatasetManifest]:
    """Prepares datasets/shapes, or a package where `settings` name one, into prepared/shapes or the folder
    `into`.
    """

    def run(into: Path | None = None, **settings) -> DatasetManifest:
        place = {} if "package" in settings else {"folder": "datasets/shapes"}
        config = DatasetConfig.model_validate({**place, **settings})
        return prepare_dataset("shapes", config, tmp_path, into or tmp_path / "prepared" / "shapes")

    return run
