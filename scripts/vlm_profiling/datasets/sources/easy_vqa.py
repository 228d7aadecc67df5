"""easy-vqa: questions about one coloured shape on a 64 x 64 image, from the files of its Python package.

Nothing is downloaded: the package (PyPI `easy-vqa`, MIT licence, by Victor Zhou) ships 5,000 images. Its
train split has 38,575 questions about 4,000 of them, its test split 9,673 about the other 1,000; there are 13
answers.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from vlm_profiling.datasets.candidates import Candidate, DatasetError, Source

SPLITS = ("train", "test")


def easy_vqa_source(split: str | None) -> Source:
    """The questions of one split. Raises DatasetError for another split, or when the package is not
    installed.
    """
    if split not in SPLITS:
        raise DatasetError(f"split: easy-vqa has no split {split!r}; allowed: {', '.join(SPLITS)}")
    package = find_spec("easy_vqa")
    if package is None or package.origin is None:
        raise DatasetError("package: easy-vqa is not installed here; `pip install easy-vqa`")
    folder = Path(package.origin).parent / "data" / split
    return Source("easy-vqa", lambda: _rows(folder), licence="MIT", split=split)


def _rows(folder: Path) -> Iterator[Candidate]:
    questions = json.loads((folder / "questions.json").read_text(encoding="utf-8"))
    for number, (question, answer, image) in enumerate(questions):
        yield Candidate(number, question, answer, folder / "images" / f"{image}.png")
