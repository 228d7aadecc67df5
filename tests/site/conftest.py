"""A study's site on disk, and a real browser to open it in."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from factories import identity_of, make_failed_record, make_record
from rendering import write_reports
from study_folder import StudyFolder, write_study

from vlm_profiling.record.schema import RunRecord
from vlm_profiling.study import Run

SETTINGS: dict[str, Any] = {
    "name": "shapes",
    "description": "Two models on coloured shapes.",
    "models": {
        "trained": {"folder": "checkpoints/trained"},
        "other-7b.v1_5": {"folder": "checkpoints/other"},
    },
    "datasets": {"vqa": {"package": "easy-vqa"}},
    "optimizations": {
        "fp16": {"dtype": "float16"},
        "flash": {"dtype": "float16", "attention": "flash_attention_2"},
    },
    "baseline": {"device": "cuda", "optimization": "fp16", "batch_size": 2},
    "axes": {"batch_size": {"values": [1, 2, 4]}, "optimization": {"values": ["fp16", "flash"]}},
}
"""Two models on a GPU, so that there is energy, along two axes."""


def usual_answer(run: Run) -> RunRecord:
    """Every run succeeds but flash attention, which is unsupported, and the largest batch of one model."""
    if run.point.optimization == "flash":
        return make_failed_record("unsupported", "flash-attn is not installed", **identity_of(run))
    if run.point.batch_size == 4 and run.model != "trained":
        return make_failed_record("oom", "tried to allocate 2.5 GiB", **identity_of(run))
    slow = 1 if run.model == "trained" else 2
    return make_record(
        generate_s=0.02 * slow * run.point.batch_size, accuracy=0.4 + 0.2 * slow, **identity_of(run)
    )


def build_site(
    folder: Path, answer: Callable[[Run], RunRecord] = usual_answer, **changes: Any
) -> StudyFolder:
    """A study's records, tables, charts, pages and site."""
    study = write_study(folder, SETTINGS | changes, answer)
    write_reports(study)
    return study


@pytest.fixture(scope="session")
def usual_site(tmp_path_factory: pytest.TempPathFactory) -> StudyFolder:
    return build_site(tmp_path_factory.mktemp("site"))


@pytest.fixture
def make_site(tmp_path: Path) -> Callable[..., StudyFolder]:
    def make(answer: Callable[[Run], RunRecord] = usual_answer, **changes: Any) -> StudyFolder:
        return build_site(tmp_path, answer, **changes)

    return make


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Debian's Chromium, driven by Playwright."""
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if not found:
        pytest.skip("needs Chromium: `make test-system` installs it on Debian")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        arguments = (
            ["--no-sandbox"] if sys.platform == "linux" else []
        )  # root in a container has no other way
        chromium = playwright.chromium.launch(executable_path=found, args=arguments)
        yield chromium
        chromium.close()
